//! The scheduler API: a framework's subscription and calls.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tepui_client::scheduler::{self, Event, Options};
//! use tepui_proto::v1::FrameworkInfo;
//!
//! let framework = FrameworkInfo { user: "root".into(), name: "example".into(), ..Default::default() };
//! let masters = "zk://10.0.0.1:2181,10.0.0.2:2181/mesos".parse()?;
//! let (calls, mut events) = scheduler::subscribe(masters, framework, Options::default());
//! loop {
//!     match events.next().await? {
//!         Event::Offers(offers) => {
//!             calls.decline(offers.into_iter().map(|offer| offer.id).collect(), None).await?;
//!         }
//!         Event::Update(status) => calls.acknowledge(&status).await?,
//!         other => println!("{other:?}"),
//!     }
//! }
//! # }
//! ```
//!
//! **Losses.** A subscription that is lost (the leader died, another was elected, heartbeats are missing) is told as
//! [`Event::Disconnected`] and made again with the framework's id. Calls fail meanwhile, and one that was under way may
//! have arrived or not: [`CallError::is_transient`](crate::CallError::is_transient) tells such failures from refusals. Offers from before the loss are
//! void. Reconcile ([`Calls::reconcile`]) after [`Event::Subscribed`]: a task whose launch was lost is unknown to all.
//!
//! **Acknowledgements.** The agent repeats an update until it is acknowledged, so a scheduler may see it more than
//! once. With [`Acknowledge::Implicit`] this library acknowledges an update when the next event is asked for, so what a
//! scheduler has not finished with is repeated after its crash; with [`Acknowledge::Explicit`] the scheduler calls
//! [`Calls::acknowledge`].

mod calls;
mod event;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, Event as ProtoEvent, call};
use tepui_wire::ContentType;
use tokio::sync::Notify;
use tracing::{debug, info, warn};

pub use calls::Calls;
pub use event::Event;

use crate::subscriber::{Happening, Subscriber};
use crate::subscription::Policy;
use crate::{Address, Masters, SubscribeError};

/// Where masters serve schedulers.
const PATH: &str = "/api/v1/scheduler";

/// The most updates that wait for their implicit acknowledgement; more are dropped, and repeated by their agents.
const MAX_UNACKNOWLEDGED: usize = 10_000;

/// Who acknowledges updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// The scheduler.
    #[default]
    Explicit,
    /// This library, when the event after the update is asked for.
    Implicit,
}

/// How a scheduler subscribes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The encoding of calls and events.
    pub content_type: ContentType,
    /// Roles of the framework that want no offers at first.
    pub suppressed_roles: Vec<String>,
    /// The offers that are wanted.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// A ready `Authorization` header.
    pub authorization: Option<HeaderValue>,
    /// Who acknowledges updates of tasks.
    pub acknowledge: Acknowledge,
    /// How long the answer to a call may take. A scheduler that awaits its calls between events hears of a new leader
    /// no sooner.
    pub call_timeout: Duration,
    /// How long the group of masters in ZooKeeper or etcd may be silent before nobody is believed to lead.
    pub session_timeout: Duration,
    /// The bound of the random wait after the first failure; it doubles with each.
    pub backoff: Duration,
    /// The largest bound.
    pub max_backoff: Duration,
    /// How long to try, after the subscription was lost or before it was first made; without end if absent.
    pub give_up_after: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            content_type: ContentType::Protobuf,
            suppressed_roles: Vec::new(),
            offer_constraints: None,
            authorization: None,
            acknowledge: Acknowledge::default(),
            call_timeout: Duration::from_secs(15),
            session_timeout: Duration::from_secs(10),
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(15),
            give_up_after: None,
        }
    }
}

/// Makes a scheduler. Nothing happens until its events are awaited.
///
/// A `framework` with an id takes its earlier subscription over.
pub fn subscribe(masters: Masters, framework: v1::FrameworkInfo, options: Options) -> (Calls, Events) {
    let session = Arc::new(Session {
        framework: Mutex::new(framework),
        route: Mutex::new(None),
        refused: Notify::new(),
    });
    let policy = Policy {
        backoff: options.backoff,
        max_backoff: options.max_backoff,
        give_up_after: options.give_up_after,
    };
    let subscriber = Subscriber::new(
        masters,
        options.session_timeout,
        PATH.to_owned(),
        options.content_type,
        options.authorization.clone(),
        policy,
    );
    let calls = Calls::new(
        Arc::clone(&session),
        options.content_type,
        options.authorization.clone(),
        options.call_timeout,
    );
    let acknowledger = Acknowledger { calls: calls.apart(), returned: VecDeque::new(), sending: None };
    (calls, Events { session, subscriber, options, acknowledger, has_ended: false })
}

/// What calls and events share.
#[derive(Debug)]
struct Session {
    framework: Mutex<v1::FrameworkInfo>,
    /// `None` while there is no subscription.
    route: Mutex<Option<Route>>,
    /// A call found that this master does not lead.
    refused: Notify,
}

/// How calls of this subscription reach the master.
#[derive(Clone, Debug)]
struct Route {
    master: Address,
    stream_id: HeaderValue,
}

impl Session {
    fn framework(&self) -> MutexGuard<'_, v1::FrameworkInfo> {
        self.framework.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(&self) -> MutexGuard<'_, Option<Route>> {
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the subscription that a call was made on, unless there is another by now.
    fn refused(&self, route: &Route) {
        let mut current = self.route();
        if current.as_ref().is_some_and(|current| current.stream_id == route.stream_id) {
            *current = None;
            self.refused.notify_one();
        }
    }
}

/// The events of a scheduler.
#[derive(Debug)]
pub struct Events {
    session: Arc<Session>,
    subscriber: Subscriber<ProtoEvent>,
    options: Options,
    acknowledger: Acknowledger,
    has_ended: bool,
}

impl Events {
    /// The next event. Subscribes first, and again after a loss, which [`Event::Disconnected`] tells. After
    /// [`Event::Error`] there are no more. May be cut off (`select!`) without losing an event.
    ///
    /// # Errors
    /// The subscription was refused, or has ended.
    pub async fn next(&mut self) -> Result<Event, SubscribeError> {
        if self.has_ended {
            return Err(SubscribeError::Ended);
        }
        loop {
            self.acknowledger.begin();
            let subscribe = || encode_subscribe(&self.session, &self.options);
            let happening = tokio::select! {
                biased;
                () = self.session.refused.notified() => {
                    if let Some(event) = self.refused() {
                        return Ok(event);
                    }
                    continue;
                }
                () = self.acknowledger.finish() => continue,
                happening = self.subscriber.next(&subscribe) => happening,
            };
            let happening = match happening {
                Ok(happening) => happening,
                Err(error) => {
                    self.has_ended = true;
                    return Err(error);
                }
            };
            if let Some(event) = self.take(happening)? {
                return Ok(event);
            }
        }
    }

    /// A call was refused because the master does not lead, though its stream is open.
    fn refused(&mut self) -> Option<Event> {
        if !self.subscriber.is_subscribed() || self.session.route().is_some() {
            return None;
        }
        self.subscriber.lose();
        Some(Event::Disconnected { reason: "the master does not lead any more".to_owned() })
    }

    fn take(&mut self, happening: Happening<ProtoEvent>) -> Result<Option<Event>, SubscribeError> {
        match happening {
            Happening::Subscribed { address, stream_id: Some(stream_id) } => {
                *self.session.route() = Some(Route { master: address, stream_id });
                Ok(None)
            }
            Happening::Subscribed { address, stream_id: None } => {
                self.has_ended = true;
                Err(SubscribeError::Protocol { address, reason: "the answer has no Mesos-Stream-Id" })
            }
            Happening::Lost { reason } => {
                *self.session.route() = None;
                info!(reason, "the subscription was lost; subscribing again");
                Ok(Some(Event::Disconnected { reason }))
            }
            Happening::GaveUp { reason } => {
                self.has_ended = true;
                Err(SubscribeError::GaveUp { reason })
            }
            Happening::Event(proto) => {
                let Some(event) = Event::from_proto(proto) else {
                    warn!("ignoring an event of an unknown type");
                    return Ok(None);
                };
                self.note(&event);
                Ok(Some(event))
            }
        }
    }

    fn note(&mut self, event: &Event) {
        if let Event::Subscribed(subscribed) = event {
            self.session.framework().id = Some(subscribed.framework_id.clone());
            let seconds = subscribed.heartbeat_interval_seconds.unwrap_or_default();
            if let Ok(interval) = Duration::try_from_secs_f64(seconds) {
                self.subscriber.heartbeats_every(interval);
            }
        } else if let Event::Update(status) = event {
            if self.options.acknowledge == Acknowledge::Implicit {
                self.acknowledger.returned(status);
            }
        } else if matches!(event, Event::Error(_)) {
            // Subscribing again would push out whoever subscribed instead of us, or be refused again.
            self.has_ended = true;
            *self.session.route() = None;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        *self.session.route() = None;
    }
}

/// Acknowledges updates, one after another, when the event after them is asked for.
#[derive(Debug)]
struct Acknowledger {
    /// Apart, because nobody drives an acknowledgement that is under way while the scheduler awaits a call of its own.
    calls: Calls,
    /// Updates that the scheduler was given.
    returned: VecDeque<v1::TaskStatus>,
    sending: Option<Acknowledging>,
}

/// An acknowledgement that is under way. Kept outside of `next`, so that cutting that off does not cut off the call.
struct Acknowledging(Pin<Box<dyn Future<Output = ()> + Send>>);

impl fmt::Debug for Acknowledging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledging")
    }
}

impl Acknowledger {
    fn returned(&mut self, status: &v1::TaskStatus) {
        if self.returned.len() < MAX_UNACKNOWLEDGED {
            self.returned.push_back(status.clone());
        }
    }

    fn begin(&mut self) {
        if self.sending.is_some() {
            return;
        }
        let Some(status) = self.returned.pop_front() else { return };
        let calls = self.calls.clone();
        self.sending = Some(Acknowledging(Box::pin(async move {
            if let Err(error) = calls.acknowledge(&status).await {
                debug!(%error, "an update was not acknowledged; its agent will repeat it");
            }
        })));
    }

    /// The end of the acknowledgement that is under way; never, if there is none.
    async fn finish(&mut self) {
        match &mut self.sending {
            Some(sending) => (&mut sending.0).await,
            None => std::future::pending().await,
        }
        self.sending = None;
    }
}

fn encode_subscribe(session: &Session, options: &Options) -> Bytes {
    let framework = session.framework().clone();
    let subscribe = Call {
        framework_id: framework.id.clone(),
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            framework_info: framework,
            suppressed_roles: options.suppressed_roles.clone(),
            offer_constraints: options.offer_constraints.clone(),
        }),
        ..Call::default()
    };
    tepui_wire::encode(options.content_type, &subscribe)
}
