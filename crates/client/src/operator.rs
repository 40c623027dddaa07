//! The operator API: questions and orders to a master or an agent, and plain GETs.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tepui_proto::MesosMessage;
use tepui_proto::v1::{agent, master};
use tepui_wire::ContentType;

use crate::caller::{Answer, Caller, Outgoing};
use crate::{Address, CallError};

const PATH: &str = "/api/v1";

/// How many redirections to the leading master are followed.
const MAX_REDIRECTS: usize = 5;

/// Asks one master or agent, one question after another on a connection that is kept open.
#[derive(Debug)]
pub struct Operator {
    address: Address,
    content_type: ContentType,
    authorization: Option<HeaderValue>,
    caller: Caller,
}

impl Operator {
    /// An operator of whoever listens at `address`. Nothing is sent yet.
    pub fn new(address: Address) -> Self {
        Self { address, content_type: ContentType::Protobuf, authorization: None, caller: Caller::default() }
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
        let answer = self.send(Outgoing::post(PATH, self.content_type, body)).await?;
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
