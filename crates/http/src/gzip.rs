//! gzip, of request bodies that come so and of response bodies that may go so.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};

use crate::{Response, ResponseBody};

/// Compat: Mesos leaves shorter bodies as they are.
const MIN_BYTES: usize = 1024;

/// Longer bodies are packed and unpacked on a thread for blocking work, so that no other connection waits.
const INLINE_BYTES: usize = 64 * 1024;

/// Why a body could not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unpack {
    Malformed,
    TooLong,
}

/// Unpacks a request body to at most `limit` bytes.
pub(crate) async fn unpack(packed: Bytes, limit: usize) -> Result<Bytes, Unpack> {
    // Small input can still be a bomb: what it unpacks to decides, and that is at most a thousandfold.
    if packed.len() <= INLINE_BYTES / 1024 {
        return unpack_now(&packed, limit);
    }
    tokio::task::spawn_blocking(move || unpack_now(&packed, limit)).await.unwrap_or(Err(Unpack::Malformed))
}

fn unpack_now(packed: &[u8], limit: usize) -> Result<Bytes, Unpack> {
    let mut body = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed).take(most).read_to_end(&mut body).map_err(|_| Unpack::Malformed)?;
    if body.len() > limit { Err(Unpack::TooLong) } else { Ok(body.into()) }
}

/// Packs a response if the client accepts that and it is worth it.
pub(crate) async fn pack(accepts_gzip: bool, response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let body = match body {
        ResponseBody::Whole(bytes)
            if accepts_gzip && bytes.len() >= MIN_BYTES && !head.headers.contains_key(CONTENT_ENCODING) =>
        {
            let packed = if bytes.len() <= INLINE_BYTES {
                pack_now(&bytes)
            } else {
                let bytes = bytes.clone();
                tokio::task::spawn_blocking(move || pack_now(&bytes)).await.ok().flatten()
            };
            match packed {
                Some(packed) => {
                    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    packed.into()
                }
                None => bytes.into(),
            }
        }
        ResponseBody::Parts(mut parts) if accepts_gzip && !head.headers.contains_key(CONTENT_ENCODING) => {
            parts.pack();
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.into()
        }
        body @ (ResponseBody::Whole(_) | ResponseBody::Parts(_) | ResponseBody::Events(_)) => body,
    };
    Response::from_parts(head, body)
}

fn pack_now(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Claims that the client accepts gzip: named, or by `*`, and not with `q=0`.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Some(accepted) = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    ["gzip", "*"].into_iter().find_map(|coding| weight(accepted, coding)).is_some_and(|weight| weight > 0.0)
}

/// The weight of a coding that the list names; 0, which refuses, if it is no number.
fn weight(accepted: &str, coding: &str) -> Option<f64> {
    accepted.split(',').find_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        parts.next().filter(|named| named.eq_ignore_ascii_case(coding))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::trim);
        Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_as_the_client_says() {
        let check = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_gzip(&headers)
        };
        for yes in ["gzip", "GZIP", "deflate, gzip", "gzip;q=0.5", "*", "identity, *;q=0.1"] {
            assert!(check(yes), "{yes}");
        }
        for no in ["", "deflate", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "identity"] {
            assert!(!check(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_bomb_is_refused() {
        let bomb = pack_now(&vec![0; 4 * 1024 * 1024]).unwrap();
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(unpack(bomb.clone(), 1024 * 1024).await, Err(Unpack::TooLong));
        assert_eq!(unpack(bomb, 4 * 1024 * 1024).await.unwrap().len(), 4 * 1024 * 1024);
    }

    #[tokio::test]
    async fn garbage_is_refused() {
        assert_eq!(unpack(Bytes::from_static(b"not gzip"), 100).await, Err(Unpack::Malformed));
    }
}
