//! The operator API: questions and orders to a master or an agent, and plain GETs.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use tepui_proto::MesosMessage;
use tepui_proto::v1::{agent, master};
use tepui_wire::ContentType;

use crate::caller::{Answer, Caller, Outgoing};
use crate::connection::Connection;
use crate::{Address, CallError};

const PATH: &str = "/api/v1";

/// Longest text of a refusal to open a stream.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// How many redirections to the leading master are followed.
const MAX_REDIRECTS: usize = 5;

/// Asks one master or agent, one question after another on a connection that is kept open.
#[derive(Debug)]
pub struct Operator {
    address: Address,
    content_type: ContentType,
    authorization: Option<HeaderValue>,
    path: String,
    caller: Caller,
}

impl Operator {
    /// An operator of whoever listens at `address`. Nothing is sent yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            content_type: ContentType::Protobuf,
            authorization: None,
            path: PATH.to_owned(),
            caller: Caller::default(),
        }
    }

    /// Uses this encoding.
    #[must_use]
    pub fn with_content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// Sends this `Authorization` header.
    #[must_use]
    pub fn with_authorization(mut self, authorization: HeaderValue) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// Makes calls at this path: several agents may share an address.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Waits for answers as long as it takes: some calls are answered when a container ends.
    #[must_use]
    pub fn without_timeout(mut self) -> Self {
        self.caller.timeout = None;
        self
    }

    /// Who is asked: the leading master, once a redirection was followed.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Makes a call of the master's API. Calls without a response give `None`.
    ///
    /// # Errors
    /// No answer, a refusal, or an answer that is no response.
    pub async fn master(&mut self, call: &master::Call) -> Result<Option<master::Response>, CallError> {
        self.typed(call).await
    }

    /// Makes a call of the agent's API. Calls without a response give `None`.
    ///
    /// # Errors
    /// No answer, a refusal, or an answer that is no response.
    pub async fn agent(&mut self, call: &agent::Call) -> Result<Option<agent::Response>, CallError> {
        self.typed(call).await
    }

    /// Makes a call of the agent's API that is answered by a stream, such as `LAUNCH_NESTED_CONTAINER_SESSION`, and reads the
    /// stream to its end. What is in it is dropped.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn agent_session(&mut self, call: &agent::Call) -> Result<(), CallError> {
        let body = tepui_wire::encode(self.content_type, call);
        let mut outgoing = Outgoing::post(self.path.as_str(), self.content_type, body)
            .with(http::header::AUTHORIZATION, self.authorization.clone());
        outgoing.headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/recordio"));
        let messages = HeaderValue::from_static(self.content_type.name());
        outgoing.headers.insert(HeaderName::from_static("message-accept"), messages);
        let mut connection = Connection::open(&self.address).await?;
        let response = connection.send(outgoing.for_host(&self.address)).await?;
        let (head, mut body) = response.into_parts();
        let lost =
            |source: hyper::Error| CallError::Answer { address: self.address.clone(), source: source.into() };
        if !head.status.is_success() {
            let text = Limited::new(body, MAX_REFUSAL_BYTES).collect().await;
            let text = text.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let message = String::from_utf8_lossy(&text).trim().to_owned();
            return Err(CallError::Refused { address: self.address.clone(), status: head.status, message });
        }
        while let Some(frame) = body.frame().await {
            frame.map_err(lost)?;
        }
        Ok(())
    }

    /// Gets a path, with its query, as in `/state` or `/files/read?path=...`.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn get(&mut self, path: &str) -> Result<Bytes, CallError> {
        let outgoing = Outgoing {
            method: Method::GET,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        self.send(outgoing).await.map(|answer| answer.body)
    }

    async fn typed<C: MesosMessage, R: MesosMessage>(&mut self, call: &C) -> Result<Option<R>, CallError> {
        let body = tepui_wire::encode(self.content_type, call);
        let answer = self.send(Outgoing::post(self.path.as_str(), self.content_type, body)).await?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        let decoded = tepui_wire::decode(self.content_type, &answer.body);
        decoded.map(Some).map_err(|error| CallError::body(&self.address, error))
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<Answer, CallError> {
        let outgoing = outgoing.with(http::header::AUTHORIZATION, self.authorization.clone());
        let mut answer = self.caller.call(&self.address, outgoing.clone()).await?;
        for _ in 0..MAX_REDIRECTS {
            let Some(leader) = leader(&answer) else { break };
            self.address = leader;
            answer = self.caller.call(&self.address, outgoing.clone()).await?;
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        let message = answer.text();
        Err(CallError::Refused { address: self.address.clone(), status: answer.status, message })
    }
}

/// Where a redirection leads to.
fn leader(answer: &Answer) -> Option<Address> {
    if answer.status != StatusCode::TEMPORARY_REDIRECT {
        return None;
    }
    Address::from_location(answer.headers.get(LOCATION)?.to_str().ok()?)
}
