//! Carries out what a [`Subscription`] decides: connects, subscribes, follows, reads.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Collected, Limited};
use hyper::body::Incoming;
use tepui_proto::MesosMessage;
use tepui_wire::ContentType;
use tokio::time::Instant;
use tracing::{debug, info};

use crate::Address;
use crate::caller::{Outgoing, STREAM_ID};
use crate::connection::{Connection, TransportError};
use crate::event_stream::EventStream;
use crate::leaders::Leaders;
use crate::masters::{Kind, Masters};
use crate::subscription::{Candidates, Policy, Step, Subscription};

/// How long the answer to SUBSCRIBE may take.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_mins(1);

/// How much of a refusal is read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// A subscription that ended for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// SUBSCRIBE was refused in a way that repeating it will not change.
    #[error("`{address}` refused the subscription with {status}: {message}")]
    Refused {
        /// Who refused.
        address: Address,
        /// The status code.
        status: StatusCode,
        /// The answer's text.
        message: String,
    },
    /// Whoever answered does not speak this API.
    #[error("failed to subscribe at `{address}`: {reason}")]
    Protocol {
        /// Who answered.
        address: Address,
        /// What is wrong with the answer.
        reason: &'static str,
    },
    /// Nobody accepted the subscription for as long as was to be tried.
    #[error("failed to subscribe in time: {reason}")]
    GaveUp {
        /// What the last attempt came to.
        reason: String,
    },
    /// The events ended before: with an error, by a teardown, or with the patience of an executor.
    #[error("the subscription has ended")]
    Ended,
}

/// What happened next.
#[derive(Debug)]
pub(crate) enum Happening<E> {
    Subscribed { address: Address, stream_id: Option<HeaderValue> },
    Event(E),
    Lost { reason: String },
    GaveUp { reason: String },
}

/// A subscription that follows the leader.
#[derive(Debug)]
pub(crate) struct Subscriber<E> {
    masters: Masters,
    session_timeout: Duration,
    /// Followed from the first [`Self::next`] on.
    leaders: Option<Leaders>,
    conversation: Conversation<E>,
}

impl<E: MesosMessage> Subscriber<E> {
    /// `session_timeout` is how long a group of masters may be silent before nobody is believed to lead.
    pub(crate) fn new(
        masters: Masters,
        session_timeout: Duration,
        path: String,
        content_type: ContentType,
        authorization: Option<HeaderValue>,
        policy: Policy,
    ) -> Self {
        let candidates = match &masters.0 {
            Kind::Listed(addresses) => Candidates::Listed(addresses.clone()),
            #[cfg(feature = "detection")]
            Kind::Group { .. } => Candidates::Detected,
        };
        let conversation = Conversation {
            subscription: Subscription::new(Duration::ZERO, candidates, policy, fastrand::u64(..)),
            began: Instant::now(),
            path,
            content_type,
            authorization,
            stream: None,
            attempt: None,
            last_failure: "no leading master was found".to_owned(),
        };
        Self { masters, session_timeout, leaders: None, conversation }
    }

    /// What happens next. `subscribe` encodes the call for each attempt. Nothing is lost if this is cut off.
    pub(crate) async fn next(
        &mut self,
        subscribe: &(dyn Fn() -> Bytes + Sync),
    ) -> Result<Happening<E>, SubscribeError> {
        let leaders =
            self.leaders.get_or_insert_with(|| Leaders::follow(&self.masters, self.session_timeout));
        loop {
            let happening = tokio::select! {
                biased;
                leader = leaders.changed() => self.conversation.detected(leader),
                happening = self.conversation.step(subscribe) => happening?,
            };
            if let Some(happening) = happening {
                return Ok(happening);
            }
        }
    }

    /// Records how often the peer promised heartbeats.
    pub(crate) fn heartbeats_every(&mut self, interval: Duration) {
        let now = self.conversation.now();
        self.conversation.subscription.heard(now, Some(interval));
    }

    /// Drops the subscription, to make a new one.
    pub(crate) fn lose(&mut self) {
        self.conversation.lose();
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.conversation.subscription.is_subscribed()
    }
}

/// What is said with whoever is to be asked.
#[derive(Debug)]
struct Conversation<E> {
    subscription: Subscription,
    began: Instant,
    path: String,
    content_type: ContentType,
    authorization: Option<HeaderValue>,
    stream: Option<EventStream<E>>,
    /// The attempt to subscribe that is under way. Kept here, so that a caller who waits for something else as well
    /// does not begin anew each time.
    attempt: Option<Attempt>,
    /// Why there is no subscription.
    last_failure: String,
}

impl<E: MesosMessage> Conversation<E> {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn lose(&mut self) {
        self.stream = None;
        self.attempt = None;
        self.subscription.lost(self.now());
    }

    /// Leaves whoever led until now.
    fn detected(&mut self, leader: Option<Address>) -> Option<Happening<E>> {
        let reason = match &leader {
            Some(leader) => format!("`{leader}` leads"),
            None => "no master leads".to_owned(),
        };
        let was_subscribed = self.subscription.is_subscribed();
        self.stream = None;
        self.attempt = None;
        self.subscription.detected(self.now(), leader);
        self.last_failure.clone_from(&reason);
        was_subscribed.then_some(Happening::Lost { reason })
    }

    async fn step(
        &mut self,
        subscribe: &(dyn Fn() -> Bytes + Sync),
    ) -> Result<Option<Happening<E>>, SubscribeError> {
        match self.subscription.next(self.now()) {
            Step::GiveUp => Ok(Some(Happening::GaveUp { reason: self.last_failure.clone() })),
            Step::Wait(until) | Step::Detect(Some(until)) => {
                tokio::time::sleep_until(self.began + until).await;
                Ok(None)
            }
            Step::Detect(None) => std::future::pending().await,
            Step::Listen(until) => Ok(Some(self.listen(until).await)),
            Step::Subscribe(address) => self.subscribe(address, subscribe).await,
        }
    }

    async fn listen(&mut self, until: Option<Duration>) -> Happening<E> {
        let Some(stream) = &mut self.stream else {
            self.subscription.lost(self.now());
            return Happening::Lost { reason: "there is no stream of events".to_owned() };
        };
        let heard = match until {
            Some(until) => tokio::time::timeout_at(self.began + until, stream.next()).await,
            None => Ok(stream.next().await),
        };
        let reason = match heard {
            Ok(Ok(event)) => {
                self.subscription.heard(self.now(), None);
                return Happening::Event(event);
            }
            Ok(Err(end)) => end.to_string(),
            Err(_) => "five heartbeats in a row are missing".to_owned(),
        };
        self.lose();
        self.last_failure.clone_from(&reason);
        Happening::Lost { reason }
    }

    async fn subscribe(
        &mut self,
        address: Address,
        encode: &(dyn Fn() -> Bytes + Sync),
    ) -> Result<Option<Happening<E>>, SubscribeError> {
        let attempt = self.attempt.get_or_insert_with(|| {
            let outgoing = Outgoing::post(self.path.as_str(), self.content_type, encode())
                .with(http::header::AUTHORIZATION, self.authorization.clone());
            Attempt(Box::pin(open(address.clone(), outgoing)))
        });
        let opened = (&mut attempt.0).await;
        self.attempt = None;
        let (connection, response) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.last_failure = with_causes(&error);
                info!(%address, error = self.last_failure, "failed to subscribe; trying again");
                self.subscription.lost(self.now());
                return Ok(None);
            }
        };
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => {
                check_content_type(&head.headers, self.content_type, &address)?;
                self.stream = Some(EventStream::new(connection, body, self.content_type));
                self.subscription.accepted(self.now());
                let stream_id = head.headers.get(STREAM_ID).cloned();
                Ok(Some(Happening::Subscribed { address, stream_id }))
            }
            status if status.is_redirection() => {
                let location = head.headers.get(LOCATION).and_then(|location| location.to_str().ok());
                debug!(%address, location, "redirected to the leading master");
                self.subscription.redirected(self.now(), location.and_then(Address::from_location));
                Ok(None)
            }
            // Not elected, recovering, or not up with all of its routes.
            status if status.is_server_error() || status == StatusCode::NOT_FOUND => {
                self.last_failure = format!("`{address}` answered {status}: {}", refusal(body).await);
                info!(reason = self.last_failure, "not ready to be subscribed at; trying again");
                self.subscription.lost(self.now());
                Ok(None)
            }
            status => Err(SubscribeError::Refused { address, status, message: refusal(body).await }),
        }
    }
}

type Opened = (Connection, http::Response<Incoming>);

/// A future that connects and subscribes.
struct Attempt(Pin<Box<dyn Future<Output = Result<Opened, TransportError>> + Send>>);

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

async fn open(address: Address, outgoing: Outgoing) -> Result<Opened, TransportError> {
    let attempt = async {
        let mut connection = Connection::open(&address).await?;
        let response = connection.send(outgoing.for_host(&address)).await?;
        Ok((connection, response))
    };
    match tokio::time::timeout(SUBSCRIBE_TIMEOUT, attempt).await {
        Ok(opened) => opened,
        Err(_) => Err(TransportError::Timeout { address: address.clone(), timeout: SUBSCRIBE_TIMEOUT }),
    }
}

fn check_content_type(
    headers: &HeaderMap,
    wanted: ContentType,
    address: &Address,
) -> Result<(), SubscribeError> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == wanted.name().as_bytes()) {
        Ok(())
    } else {
        let reason = "the events are not in the encoding that was asked for";
        Err(SubscribeError::Protocol { address: address.clone(), reason })
    }
}

/// The text of a refusal, as far as it can be had.
async fn refusal(body: Incoming) -> String {
    let text =
        Limited::new(body, MAX_REFUSAL_BYTES).collect().await.map(Collected::to_bytes).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// An error and what it came from, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    text
}
