//! The operator API: questions and orders to a master or an agent, plain GETs, and a master's events.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use tepui_client::operator::Operator;
//!
//! let masters = "etcd://10.0.0.1:2379/tepui".parse()?;
//! let mut operator = Operator::of_masters(masters).with_patience(Duration::from_secs(30));
//! for agent in operator.agents().await? {
//!     println!("{}", agent.agent_info.hostname);
//! }
//! # Ok(())
//! # }
//! ```

mod calls;
mod events;
mod session;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tepui_proto::MesosMessage;
use tepui_proto::v1::{agent, master};
use tepui_wire::ContentType;
use tracing::debug;

pub use events::{Event, Events, Options, subscribe};

use crate::backoff::Backoff;
use crate::caller::{Answer, Caller, Outgoing};
use crate::leaders::Leaders;
use crate::masters::Kind;
use crate::{Address, CallError, Masters, TransportError};

const PATH: &str = "/api/v1";

/// How many redirections to the leading master are followed.
const MAX_REDIRECTS: usize = 5;

/// The bound of the wait after the first failure, and the largest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long a group of masters may be silent before nobody is believed to lead.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the first word of a group of masters is waited for, however small the patience.
const DETECTION_TIME: Duration = Duration::from_secs(10);

/// Asks the leading master, or one agent, one question after another on a connection that is kept open.
///
/// Redirections to the leader are followed. What else may pass (nobody leads, the leader is recovering, nobody accepts
/// a connection) is tried again within the patience; so is a question whose answer was lost, but not an order: it may
/// have had its effect.
#[derive(Debug)]
pub struct Operator {
    masters: Masters,
    /// The position of the listed master that is asked.
    asked: usize,
    leaders: Option<Leaders>,
    /// Where the last redirection led, or whom the group names.
    leader: Option<Address>,
    content_type: ContentType,
    authorization: Option<HeaderValue>,
    path: String,
    patience: Duration,
    caller: Caller,
}

impl Operator {
    /// An operator of whoever listens at `address`. Nothing is sent yet.
    pub fn new(address: Address) -> Self {
        Self::of_masters(address.into())
    }

    /// An operator of whoever leads these masters. Nothing is sent yet.
    pub fn of_masters(masters: Masters) -> Self {
        Self {
            masters,
            asked: 0,
            leaders: None,
            leader: None,
            content_type: ContentType::Protobuf,
            authorization: None,
            path: PATH.to_owned(),
            patience: Duration::ZERO,
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

    /// Waits for an answer for so long; a minute without this.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.caller = Caller::new(timeout);
        self
    }

    /// Tries again for so long what may pass; without this, nothing is tried twice.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Makes a call of the master's API. Calls without a response give `None`.
    ///
    /// # Errors
    /// No answer, a refusal, or an answer that is no response.
    pub async fn master(&mut self, call: &master::Call) -> Result<Option<master::Response>, CallError> {
        let is_question = call.r#type().as_str_name().starts_with("GET_");
        self.typed(call, is_question).await
    }

    /// Makes a call of the agent's API. Calls without a response give `None`.
    ///
    /// # Errors
    /// No answer, a refusal, or an answer that is no response.
    pub async fn agent(&mut self, call: &agent::Call) -> Result<Option<agent::Response>, CallError> {
        let is_question = call.r#type().as_str_name().starts_with("GET_");
        self.typed(call, is_question).await
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
        self.send(outgoing, true).await.map(|(_, answer)| answer.body)
    }

    async fn typed<C: MesosMessage, R: MesosMessage>(
        &mut self,
        call: &C,
        is_question: bool,
    ) -> Result<Option<R>, CallError> {
        let body = tepui_wire::encode(self.content_type, call);
        let (address, answer) =
            self.send(Outgoing::post(self.path.as_str(), self.content_type, body), is_question).await?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        let decoded = tepui_wire::decode(self.content_type, &answer.body);
        decoded.map(Some).map_err(|error| CallError::body(&address, error))
    }

    /// Sends a request until it is answered or patience ends.
    async fn send(&mut self, outgoing: Outgoing, is_question: bool) -> Result<(Address, Answer), CallError> {
        let outgoing = outgoing.with(http::header::AUTHORIZATION, self.authorization.clone());
        let began = Instant::now();
        let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1, fastrand::u64(..));
        loop {
            let error = match self.attempt(&outgoing, began).await {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            self.look_elsewhere();
            let wait = backoff.failed();
            if !may_repeat(&error, is_question) || began.elapsed() + wait > self.patience {
                return Err(error);
            }
            debug!(%error, "a call failed; trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Asks whoever should lead, and whom it redirects to.
    async fn attempt(&mut self, outgoing: &Outgoing, began: Instant) -> Result<(Address, Answer), CallError> {
        let mut address = self.find(began).await?;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.caller.call(&address, outgoing.clone()).await?;
            match redirection(&answer) {
                Some(leader) => {
                    self.leader = Some(leader.clone());
                    address = leader;
                }
                None if answer.status.is_success() => return Ok((address, answer)),
                None => {
                    let message = answer.text();
                    return Err(CallError::Refused { address, status: answer.status, message });
                }
            }
        }
        Err(CallError::NoLeader(self.masters.to_string()))
    }

    /// Whom to ask.
    async fn find(&mut self, began: Instant) -> Result<Address, CallError> {
        let listed = match &self.masters.0 {
            Kind::Listed(addresses) => addresses.get(self.asked).cloned(),
            #[cfg(feature = "detection")]
            Kind::Group { .. } => None,
        };
        if let Some(address) = self.leader.clone().or(listed) {
            return Ok(address);
        }
        let leaders = self.leaders.get_or_insert_with(|| Leaders::follow(&self.masters, SESSION_TIMEOUT));
        let detected = async {
            loop {
                if let Some(leader) = leaders.current() {
                    return leader;
                }
                leaders.changed().await;
            }
        };
        let patience = self.patience.max(DETECTION_TIME).saturating_sub(began.elapsed());
        let found = tokio::time::timeout(patience, detected).await;
        found.map_err(|_| CallError::NoLeader(self.masters.to_string()))
    }

    /// Forgets the leader, and takes the next of the listed masters.
    fn look_elsewhere(&mut self) {
        self.leader = None;
        match &self.masters.0 {
            Kind::Listed(addresses) => self.asked = (self.asked + 1) % addresses.len(),
            #[cfg(feature = "detection")]
            Kind::Group { .. } => {}
        }
    }
}

/// Whether the same request may be sent again.
fn may_repeat(error: &CallError, is_question: bool) -> bool {
    let is_answer_lost =
        matches!(error, CallError::Transport(TransportError::Http { .. } | TransportError::Timeout { .. }));
    error.is_transient() && (is_question || !is_answer_lost)
}

/// Where a redirection leads to.
fn redirection(answer: &Answer) -> Option<Address> {
    if answer.status != StatusCode::TEMPORARY_REDIRECT {
        return None;
    }
    Address::from_location(answer.headers.get(LOCATION)?.to_str().ok()?)
}
