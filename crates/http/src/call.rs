//! The order in which a v1 API call is refused or decoded, the same for schedulers, executors and operators: method,
//! `Content-Type`, body. The handler then validates the call, and only after that looks at `Accept`, and only if the
//! call is answered with data.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, StatusCode};
use tepui_proto::MesosMessage;
use tepui_wire::ContentType;

use crate::{Request, Response, response};

/// Decodes a call, or gives the refusal to send.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
pub fn decode<M: MesosMessage>(request: &Request) -> Result<(ContentType, M), Response> {
    expect_method(request, &[Method::POST])?;
    let content_type = content_type(request)?;
    let call = tepui_wire::decode(content_type, &request.body)
        .map_err(|error| response::bad_request(&error.to_string()))?;
    Ok((content_type, call))
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
pub fn content_type(request: &Request) -> Result<ContentType, Response> {
    let Some(value) = request.head.headers.get(CONTENT_TYPE) else {
        return Err(response::bad_request("Expecting 'Content-Type' to be present"));
    };
    value.to_str().ok().and_then(ContentType::from_header).ok_or_else(|| {
        response::text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        )
    })
}

/// How the answer is to be written, from `Accept`: JSON whenever that is acceptable, else protobuf, else 406.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
pub fn accept(request: &Request) -> Result<ContentType, Response> {
    // What is no text names no media type, so it accepts as little as an empty header.
    let accepted = request.head.headers.get(ACCEPT).map(|value| value.to_str().unwrap_or_default());
    tepui_wire::negotiate(accepted).ok_or_else(|| {
        response::text(
            StatusCode::NOT_ACCEPTABLE,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        )
    })
}
