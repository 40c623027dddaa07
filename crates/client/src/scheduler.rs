//! The scheduler API: a framework's subscription and calls.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tepui_client::scheduler::{self, Event, Options};
//! use tepui_proto::v1::FrameworkInfo;
//!
//! let framework = FrameworkInfo { user: "root".into(), name: "example".into(), ..Default::default() };
//! let (calls, mut events) = scheduler::subscribe("127.0.0.1:5050".parse()?, framework, Options::default());
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

mod calls;
mod event;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, Event as ProtoEvent, call};
use tepui_wire::ContentType;
use tracing::{info, warn};

pub use calls::Calls;
pub use event::Event;

use crate::subscriber::{Happening, Subscriber};
use crate::subscription::Policy;
use crate::{Address, SubscribeError};

/// Where masters serve schedulers.
const PATH: &str = "/api/v1/scheduler";

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
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(15),
            give_up_after: None,
        }
    }
}

/// Makes a scheduler. Nothing happens until its events are awaited.
///
/// A `framework` with an id takes its earlier subscription over.
pub fn subscribe(master: Address, framework: v1::FrameworkInfo, options: Options) -> (Calls, Events) {
    let session = Arc::new(Session { framework: Mutex::new(framework), route: Mutex::new(None) });
    let policy = Policy {
        backoff: options.backoff,
        max_backoff: options.max_backoff,
        give_up_after: options.give_up_after,
    };
    let subscriber =
        Subscriber::new(master, PATH.to_owned(), options.content_type, options.authorization.clone(), policy);
    let calls = Calls::new(Arc::clone(&session), options.content_type, options.authorization.clone());
    (calls, Events { session, subscriber, options, has_ended: false })
}

/// What calls and events share.
#[derive(Debug)]
struct Session {
    framework: Mutex<v1::FrameworkInfo>,
    /// `None` while there is no subscription.
    route: Mutex<Option<Route>>,
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
}

/// The events of a scheduler.
#[derive(Debug)]
pub struct Events {
    session: Arc<Session>,
    subscriber: Subscriber<ProtoEvent>,
    options: Options,
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
            let subscribe = || encode_subscribe(&self.session, &self.options);
            let happening = match self.subscriber.next(&subscribe).await {
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
