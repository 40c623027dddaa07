//! The order in which a v1 API call is refused or decoded, the same for schedulers, executors and operators: method,
//! `Content-Type`, body. The handler then validates the call, and only after that looks at `Accept`, and only if the
//! call is answered with data.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};

use crate::{Request, Response, response, weight};

/// How a call or an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/json`
    Json,
    /// `application/x-protobuf`
    Protobuf,
}

impl Encoding {
    /// The media type that stands for it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }
}

/// Decodes a call with `decode`, whose error is the text of a 400; or gives the refusal to send.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
pub fn decode<M>(
    request: &Request,
    decode: impl FnOnce(Encoding, &[u8]) -> Result<M, String>,
) -> Result<(Encoding, M), Response> {
    expect_method(request, &[Method::POST])?;
    let encoding = content_type(request)?;
    let call = decode(encoding, &request.body).map_err(|error| response::bad_request(&error))?;
    Ok((encoding, call))
}

/// Refuses with 405 what is none of the allowed methods.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
pub fn expect_method(request: &Request, allowed: &[Method]) -> Result<(), Response> {
    if allowed.contains(request.method()) {
        Ok(())
    } else {
        Err(response::method_not_allowed(allowed, request.method()))
    }
}

/// How the call is written, from `Content-Type`; 400 without one, 415 for any other.
///
/// Compat: the value must be exactly equal: another case, or a `charset`, is 415.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
pub fn content_type(request: &Request) -> Result<Encoding, Response> {
    match request.head.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes) {
        None => Err(response::bad_request("Expecting 'Content-Type' to be present")),
        Some(b"application/json") => Ok(Encoding::Json),
        Some(b"application/x-protobuf") => Ok(Encoding::Protobuf),
        Some(_) => Err(response::text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        )),
    }
}

/// How the answer may be written, from `Accept`: JSON whenever that is acceptable, else protobuf, else 406.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
pub fn accept(request: &Request) -> Result<Encoding, Response> {
    [Encoding::Json, Encoding::Protobuf]
        .into_iter()
        .find(|encoding| accepts(&request.head.headers, encoding.content_type()))
        .ok_or_else(|| {
            response::text(
                StatusCode::NOT_ACCEPTABLE,
                "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
            )
        })
}

/// Claims that the client takes a media type; it takes any if it does not say.
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let Some(accepted) = headers.get(ACCEPT) else {
        return true;
    };
    let any_subtype = media_type.split_once('/').map(|(kind, _)| format!("{kind}/*")).unwrap_or_default();
    accepted.to_str().is_ok_and(|accepted| weight::accepts(accepted, &[media_type, &any_subtype, "*/*"]))
}
