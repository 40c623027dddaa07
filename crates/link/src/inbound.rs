//! The receiving half: one request, one message.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Response, StatusCode, request::Parts};
use http_body::Body;
use http_body_util::BodyExt;
use tepui_types::Upid;
use tokio::sync::mpsc;
use tracing::debug;

use crate::actors::Actors;
use crate::{LinkConfig, LinkEvent};

/// The header that names a message's sender.
const LIBPROCESS_FROM: &str = "libprocess-from";

/// How the user agent of a Mesos process begins; its UPID follows.
const USER_AGENT_PREFIX: &str = "libprocess/";

/// Claims that a request carries a message: a POST by a Mesos process, or by another that names a sender.
pub fn is_link_request(head: &Parts) -> bool {
    head.method == Method::POST
        && (user_agent_upid(head).is_some() || head.headers.contains_key(LIBPROCESS_FROM))
}

/// Claims that a message's sender throws the answer away: a process of Mesos or of ours does, another may wait for it.
pub fn ignores_answers(head: &Parts) -> bool {
    head.method == Method::POST && user_agent_upid(head).is_some()
}

pub(crate) async fn receive<B>(
    config: &LinkConfig,
    actors: &Actors,
    events: &mpsc::Sender<LinkEvent>,
    request: http::Request<B>,
    peer: SocketAddr,
) -> Response<Bytes>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    // The body is read even if nobody wants it, because the next message follows it on the connection.
    let body = match collect(body, config.max_message_bytes, config.body_timeout).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let from = match sender(&head) {
        Ok(from) => from,
        Err(reason) => return text(StatusCode::BAD_REQUEST, reason),
    };
    if config.require_peer_address_ip_match && from.address.ip() != peer.ip() {
        let reason =
            format!("UPID IP address validation failed: Message from {from} was sent from IP {}", peer.ip());
        return text(StatusCode::BAD_REQUEST, reason);
    }
    let Some((to, name)) = destination(head.uri.path()) else {
        return text(StatusCode::BAD_REQUEST, "Failed to decode URL path".to_owned());
    };
    if !actors.contains(&to) {
        debug!(%from, to, name, "message for an unknown actor");
        return text(StatusCode::NOT_FOUND, "404 Not Found.".to_owned());
    }
    match events.send(LinkEvent::Received { from, to, name, body }).await {
        Ok(()) => status(StatusCode::ACCEPTED),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "This process is stopping".to_owned()),
    }
}

/// Who sent a message: what `Libprocess-From` says, or else the user agent.
fn sender(head: &Parts) -> Result<Upid, String> {
    let named = match head.headers.get(LIBPROCESS_FROM) {
        Some(value) => value.to_str().ok(),
        None => user_agent_upid(head),
    };
    let named = named.ok_or("Failed to determine sender from request headers")?;
    named.trim().parse().map_err(|error| format!("Failed to determine sender from request headers: {error}"))
}

fn user_agent_upid(head: &Parts) -> Option<&str> {
    head.headers.get(USER_AGENT)?.to_str().ok()?.strip_prefix(USER_AGENT_PREFIX)
}

/// The actor and the message's name in a path: `/slave(1)/mesos.internal.PingSlaveMessage`.
fn destination(path: &str) -> Option<(String, String)> {
    let path = path.strip_prefix('/')?;
    let (actor, name) = path.split_once('/').unwrap_or((path, ""));
    Some((percent_decode(actor)?, name.to_owned()))
}

/// Decodes `%XX`; `None` if an escape is malformed or the result is no text.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Reads a body that may not exceed `limit` nor pause longer than `timeout`.
async fn collect<B>(mut body: B, limit: usize, timeout: Duration) -> Result<Bytes, Response<Bytes>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(timeout, body.frame()).await {
            Ok(None) => return Ok(if all.is_empty() { first } else { all.freeze() }),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => {
                return Err(closing(StatusCode::BAD_REQUEST, "Failed to read the message's body"));
            }
            Err(_) => {
                return Err(closing(
                    StatusCode::REQUEST_TIMEOUT,
                    "The message's body did not arrive in time",
                ));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(closing(StatusCode::PAYLOAD_TOO_LARGE, "The message is too long"));
        }
        // Most messages are one frame, and need not be copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn text(code: StatusCode, text: String) -> Response<Bytes> {
    let mut response = status(code);
    *response.body_mut() = text.into();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A refusal after which the connection is closed, because the rest of the request was not read.
fn closing(code: StatusCode, reason: &str) -> Response<Bytes> {
    let mut response = text(code, reason.to_owned());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
