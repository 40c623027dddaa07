//! Follows a file of a task's sandbox through its agent's `/files/read`.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use tepui_client::operator::Operator;
use tokio::sync::watch;

use crate::print::{self, Printed};

/// Between two looks at a file that had nothing new: short enough to feel immediate.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How much is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// The answer of `/files/read`.
#[derive(Debug)]
struct Piece {
    data: Vec<u8>,
}

/// Prints what is written to `path` until `ended` is set and all was printed, or until the agent cannot be asked any more.
pub(crate) async fn follow(mut agent: Operator, path: String, to: Printed, mut ended: watch::Receiver<bool>) {
    let mut offset = 0;
    loop {
        // Looked at before the read, so that what was written before the end is read after it.
        let is_last = *ended.borrow();
        let query = format!("/files/read?path={}&offset={offset}&length={READ_BYTES}", escape(&path));
        let piece = match agent.get(&query).await {
            Ok(body) => serde_json::from_slice::<Piece>(&body).unwrap_or(Piece { data: Vec::new() }),
            // The file may not be there yet.
            Err(_) => Piece { data: Vec::new() },
        };
        if !piece.data.is_empty() {
            print::output(to, &piece.data);
            offset += piece.data.len();
        } else if is_last {
            return;
        } else {
            // Either a pause, or the end; a sender that is gone means the end as well.
            let _ = tokio::time::timeout(POLL_INTERVAL, ended.wait_for(|ended| *ended)).await;
        }
    }
}

/// Escapes a path for a query.
fn escape(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect::<Vec<_>>()
        .concat()
}

/// A task writes bytes, and the agent passes them on within a JSON string: they need not be UTF-8.
impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Piece;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with `data`")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Piece, A::Error> {
                let mut data = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "data" {
                        data = Some(map.next_value::<RawText>()?.0);
                    } else {
                        map.next_value::<de::IgnoredAny>()?;
                    }
                }
                Ok(Piece { data: data.ok_or_else(|| de::Error::missing_field("data"))? })
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A JSON string as the bytes between its quotes, unescaped.
struct RawText(Vec<u8>);

impl<'de> Deserialize<'de> for RawText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = RawText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<RawText, E> {
                Ok(RawText(bytes.to_vec()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawText, E> {
                self.visit_bytes(text.as_bytes())
            }
        }
        deserializer.deserialize_bytes(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_come_through() {
        let piece: Piece = serde_json::from_slice(b"{\"data\":\"a\\n\xff\",\"offset\":0}").unwrap();
        assert_eq!(piece.data, b"a\n\xff");
    }

    #[test]
    fn a_path_is_escaped() {
        assert_eq!(escape("/frameworks/a b&c/stdout"), "/frameworks/a%20b%26c/stdout");
    }
}
