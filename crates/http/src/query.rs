//! Query strings.

use std::collections::BTreeMap;

/// The decoded parameters of a request's query string.
///
/// Compat: `;` separates like `&`, `+` is a blank, and of a repeated key the last value counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Parses what follows the `?`. The error names the bad escape.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut parameters = BTreeMap::new();
        for token in query.split(['&', ';']).filter(|token| !token.is_empty()) {
            let (key, value) = token.split_once('=').unwrap_or((token, ""));
            parameters.insert(percent_decode(key)?, percent_decode(value)?);
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter; empty if it was given without one.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All parameters in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Decodes `%XX` escapes and `+`. Bytes that are not UTF-8 become replacement characters.
pub(crate) fn percent_decode(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let Some((value, tail)) = hex_pair(rest) else {
                    let shown = String::from_utf8_lossy(&rest[..rest.len().min(2)]);
                    return Err(format!("Malformed % escape in '{text}': '%{shown}'"));
                };
                decoded.push(value);
                rest = tail;
            }
            other => decoded.push(other),
        }
    }
    Ok(String::from_utf8(decoded)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn hex_pair(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (pair, rest) = bytes.split_at_checked(2)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(pair[0])? << 4 | digit(pair[1])?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("path=%2Fvar+log&offset=0;jsonp=cb&flag").unwrap();
        assert_eq!(query.value("path"), Some("/var log"));
        assert_eq!(query.value("offset"), Some("0"));
        assert_eq!(query.value("jsonp"), Some("cb"));
        assert_eq!(query.value("flag"), Some(""));
        assert_eq!(query.value("absent"), None);
        assert_eq!(query.iter().count(), 4);
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        assert_eq!(Query::parse("a=1&a=2").unwrap().value("a"), Some("2"));
    }

    #[test]
    fn a_malformed_escape_is_named() {
        for bad in ["%", "a=%4", "%zz=1", "a=%é1"] {
            assert!(Query::parse(bad).unwrap_err().starts_with("Malformed % escape"), "{bad}");
        }
    }
}
