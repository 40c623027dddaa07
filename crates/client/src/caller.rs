//! Calls: a request, and its whole answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use tepui_wire::{BodyError, ContentType};

use crate::Address;
use crate::connection::{Connection, TransportError};

/// How long an answer may take, unless somebody says otherwise: that with the whole state of a large cluster is long.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The largest answer: the whole state of a large cluster in JSON has some hundred megabytes.
const MAX_ANSWER_BYTES: usize = 1 << 30;

/// The header that ties a scheduler's calls to its subscription.
pub(crate) const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no subscription at the moment.
    #[error("failed to call: not subscribed")]
    NotSubscribed,
    /// The group of masters has no leader at the moment.
    #[error("failed to find a leading master in `{0}`")]
    NoLeader(String),
    /// No answer came. What was called for may have happened or not.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer is a refusal.
    #[error("`{address}` answered {status}: {message}")]
    Refused {
        /// Who refused.
        address: Address,
        /// The status code.
        status: StatusCode,
        /// The answer's text.
        message: String,
    },
    /// The answer could not be read.
    #[error("failed to read the answer of `{address}`")]
    Answer {
        /// Whose answer.
        address: Address,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CallError {
    /// Whether the same call may succeed later: nobody leads, the leader is another, or there was no answer. In the
    /// last case the call may have had its effect.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotSubscribed | Self::NoLeader(_) | Self::Transport(_) => true,
            Self::Refused { status, .. } => {
                matches!(*status, StatusCode::TEMPORARY_REDIRECT | StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Answer { .. } => false,
        }
    }

    pub(crate) fn body(address: &Address, source: BodyError) -> Self {
        Self::Answer { address: address.clone(), source: source.into() }
    }
}

/// A request without what the connection adds.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// A POST of an encoded message whose answer is wanted in the same encoding.
    pub(crate) fn post(path: impl Into<String>, content_type: ContentType, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type.name()));
        headers.insert(ACCEPT, HeaderValue::from_static(content_type.name()));
        Self { method: Method::POST, path: path.into(), headers, body }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        if let Some(value) = value {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn for_host(self, address: &Address) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        // A path that is no URI can only come from a caller of `operator`; it is asked for as the root.
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        *request.headers_mut() = self.headers;
        if let Ok(host) = HeaderValue::from_str(&address.to_string()) {
            request.headers_mut().insert(HOST, host);
        }
        request
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The text of a refusal.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }
}

/// Makes one call after another on a connection that is kept open.
#[derive(Debug)]
pub(crate) struct Caller {
    connection: Option<Connection>,
    /// How long an answer may take; none for as long as it takes.
    pub(crate) timeout: Option<Duration>,
}

impl Default for Caller {
    fn default() -> Self {
        Self::new(ANSWER_TIMEOUT)
    }
}

impl Caller {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { connection: None, timeout: Some(timeout) }
    }

    pub(crate) async fn call(&mut self, address: &Address, outgoing: Outgoing) -> Result<Answer, CallError> {
        let Some(timeout) = self.timeout else { return self.exchange(address, outgoing).await };
        let late = || TransportError::Timeout { address: address.clone(), timeout };
        let exchange = tokio::time::timeout(timeout, self.exchange(address, outgoing));
        exchange.await.unwrap_or_else(|_| Err(late().into()))
    }

    async fn exchange(&mut self, address: &Address, outgoing: Outgoing) -> Result<Answer, CallError> {
        // Taken out, so that a call that is cut off does not leave its answer to the next one.
        let kept = self.connection.take().filter(|kept| kept.address() == address && kept.is_usable());
        let mut connection = match kept {
            Some(kept) => kept,
            None => Connection::open(address).await?,
        };
        let response = connection.send(outgoing.for_host(address)).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|source| CallError::Answer { address: address.clone(), source })?
            .to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}
