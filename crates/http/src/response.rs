//! The responses that clients of Mesos know, byte for byte.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{EventSender, EventStream, Parts, Response, ResponseBody};

/// The header that names a subscription's stream.
pub const MESOS_STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// A status with a plain text, without a newline. An empty text is sent as no body and no type.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
    let text = text.into();
    if text.is_empty() {
        return empty(status);
    }
    typed(status, HeaderValue::from_static("text/plain; charset=utf-8"), text.into())
}

/// A status and nothing else: `Content-Length: 0` and no `Content-Type`.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = status;
    response
}

/// 202: what a call gets that is not answered with data.
pub fn accepted() -> Response {
    empty(StatusCode::ACCEPTED)
}

/// 200 with a body of the given type.
pub fn ok(content_type: &'static str, body: Bytes) -> Response {
    typed(StatusCode::OK, HeaderValue::from_static(content_type), body)
}

/// 200 with JSON, or with JSONP if the request asked for it (`?jsonp=name`).
pub fn json(body: Bytes, jsonp: Option<&str>) -> Response {
    match jsonp {
        None => ok("application/json", body),
        Some(callback) => {
            let mut wrapped = Vec::with_capacity(callback.len() + body.len() + 2);
            wrapped.extend_from_slice(callback.as_bytes());
            wrapped.push(b'(');
            wrapped.extend_from_slice(&body);
            wrapped.push(b')');
            ok("text/javascript", wrapped.into())
        }
    }
}

/// As [`json`], for an answer in parts.
pub fn json_parts(mut parts: Parts, jsonp: Option<&str>) -> Response {
    let content_type = match jsonp {
        None => "application/json",
        Some(callback) => {
            parts.wrap(format!("{callback}(").into(), Bytes::from_static(b")"));
            "text/javascript"
        }
    };
    self::parts(content_type, parts)
}

/// As [`ok`], for an answer in parts.
pub fn parts(content_type: &'static str, parts: Parts) -> Response {
    let mut response = Response::new(parts.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 400 with the reason.
pub fn bad_request(reason: &str) -> Response {
    text(StatusCode::BAD_REQUEST, reason)
}

/// 403 with the reason.
pub fn forbidden(reason: &str) -> Response {
    text(StatusCode::FORBIDDEN, reason)
}

/// 404 as Mesos words it.
pub fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 Not Found.")
}

/// 405 with what is allowed instead.
pub fn method_not_allowed(allowed: &[Method], received: &Method) -> Response {
    let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let body = format!(
        "405 Method Not Allowed. Expecting one of {{ '{}' }}, but received '{received}'.",
        names.join("', '")
    );
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, body);
    if let Ok(allow) = HeaderValue::try_from(names.join(", ")) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// 503 with the reason.
pub fn service_unavailable(reason: &str) -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, reason)
}

/// 307 to the leader: `Location: //host:port` and what follows, which the caller takes from
/// [`crate::Request::path_and_query`].
pub fn redirect_to_leader(host: &str, port: u16, path_and_query: &str) -> Response {
    match HeaderValue::try_from(format!("//{host}:{port}{path_and_query}")) {
        Ok(location) => {
            let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
            response.headers_mut().insert(LOCATION, location);
            response
        }
        Err(_) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "The leader's hostname cannot be put into a header")
        }
    }
}

/// 200 with an event stream; `stream_id` becomes the `Mesos-Stream-Id` header that schedulers must repeat.
/// `limit_bytes` is how much may wait for a slow reader.
pub fn event_stream(
    content_type: &'static str,
    stream_id: Option<&str>,
    limit_bytes: usize,
) -> (EventSender, Response) {
    let (sender, stream) = EventStream::new(limit_bytes);
    let mut response = Response::new(stream.into());
    if let Some(Ok(stream_id)) = stream_id.map(HeaderValue::try_from) {
        response.headers_mut().insert(MESOS_STREAM_ID, stream_id);
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    (sender, response)
}

fn typed(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(ResponseBody::Whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(response: &Response) -> &[u8] {
        match response.body() {
            ResponseBody::Whole(bytes) => bytes,
            ResponseBody::Events(_) | ResponseBody::Parts(_) => panic!("a stream"),
        }
    }

    #[test]
    fn a_redirect_names_the_leader_without_a_scheme() {
        let response = redirect_to_leader("leader.example", 5050, "/master/api/v1/scheduler?a=b");
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(response.headers()[LOCATION], "//leader.example:5050/master/api/v1/scheduler?a=b");
        assert!(whole(&response).is_empty());
        assert_eq!(redirect_to_leader("leader", 1, "").headers()[LOCATION], "//leader:1");
    }

    #[test]
    fn a_hostname_cannot_break_out_of_the_header() {
        assert_eq!(redirect_to_leader("a\r\nX: y", 1, "").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let response = method_not_allowed(&[Method::GET, Method::POST], &Method::PUT);
        assert_eq!(response.headers()[ALLOW], "GET, POST");
        let expected = "405 Method Not Allowed. Expecting one of { 'GET', 'POST' }, but received 'PUT'.";
        assert_eq!(whole(&response), expected.as_bytes());
    }

    #[test]
    fn an_accepted_call_gets_nothing_else() {
        let response = accepted();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert!(response.headers().is_empty() && whole(&response).is_empty());
    }
}
