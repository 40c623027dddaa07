//! The events of a master, for those who watch a cluster.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tepui_proto::v1::master::{Call, Event as ProtoEvent, call, event};
use tepui_wire::ContentType;
use tracing::info;

use super::{BACKOFF, PATH, SESSION_TIMEOUT};
use crate::subscriber::{Happening, Subscriber};
use crate::subscription::Policy;
use crate::{Masters, SubscribeError};

/// How an operator subscribes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The encoding of the events.
    pub content_type: ContentType,
    /// A ready `Authorization` header.
    pub authorization: Option<HeaderValue>,
    /// How long to try, after the subscription was lost or before it was first made; without end if absent.
    pub give_up_after: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self { content_type: ContentType::Protobuf, authorization: None, give_up_after: None }
    }
}

/// What an operator is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An event of the master. The first after each loss is SUBSCRIBED, with the state of everything.
    Master(Box<ProtoEvent>),
    /// The subscription was lost and is being made again. Told by this library.
    Disconnected {
        /// What happened.
        reason: String,
    },
}

/// The events of whoever leads. Nothing happens until they are awaited.
pub fn subscribe(masters: Masters, options: Options) -> Events {
    let policy = Policy { backoff: BACKOFF.0, max_backoff: BACKOFF.1, give_up_after: options.give_up_after };
    let subscriber = Subscriber::new(
        masters,
        SESSION_TIMEOUT,
        PATH.to_owned(),
        options.content_type,
        options.authorization,
        policy,
    );
    Events { subscriber, content_type: options.content_type }
}

/// The events of the leading master.
#[derive(Debug)]
pub struct Events {
    subscriber: Subscriber<ProtoEvent>,
    content_type: ContentType,
}

impl Events {
    /// The next event. Subscribes first, and again after a loss. May be cut off (`select!`) without losing an event.
    ///
    /// # Errors
    /// The subscription was refused, or nobody accepted it in time.
    pub async fn next(&mut self) -> Result<Event, SubscribeError> {
        let content_type = self.content_type;
        let subscribe = || encode_subscribe(content_type);
        loop {
            match self.subscriber.next(&subscribe).await? {
                Happening::Subscribed { .. } => {}
                Happening::Lost { reason } => {
                    info!(reason, "the subscription was lost; subscribing again");
                    return Ok(Event::Disconnected { reason });
                }
                Happening::GaveUp { reason } => return Err(SubscribeError::GaveUp { reason }),
                Happening::Event(event) => {
                    self.note(&event);
                    return Ok(Event::Master(Box::new(event)));
                }
            }
        }
    }

    fn note(&mut self, event: &ProtoEvent) {
        if event.r#type() != event::Type::Subscribed {
            return;
        }
        let seconds = event.subscribed.as_ref().and_then(|subscribed| subscribed.heartbeat_interval_seconds);
        if let Ok(interval) = Duration::try_from_secs_f64(seconds.unwrap_or_default()) {
            self.subscriber.heartbeats_every(interval);
        }
    }
}

fn encode_subscribe(content_type: ContentType) -> Bytes {
    let call = Call { r#type: Some(call::Type::Subscribe.into()), ..Call::default() };
    tepui_wire::encode(content_type, &call)
}
