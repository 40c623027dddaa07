//! The executor API: an executor's subscription to its agent, and the updates that it sends.
//!
//! An update is repeated until the agent acknowledges it: over a lost connection and over a restart of the agent, which
//! also learns of tasks that it may have forgotten. Sending is part of awaiting the next event, so [`Updates::send`]
//! never waits and updates keep their order.

mod environment;
mod event;
mod unacknowledged;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tepui_proto::v1;
use tepui_proto::v1::executor::{Call, Event as ProtoEvent, call};
use tepui_types::Uuid;
use tepui_wire::ContentType;
use tokio::sync::Notify;
use tokio::time::Sleep;
use tracing::{debug, info, warn};

pub use environment::{Environment, EnvironmentError, Recovery};
pub use event::Event;

use crate::caller::{Answer, Caller, Outgoing};
use crate::subscriber::{Happening, Subscriber};
use crate::subscription::Policy;
use crate::{Address, CallError, SubscribeError};
use unacknowledged::Unacknowledged;

/// The first bound of the wait after a failure; the agent gives the largest that it can bear.
const BACKOFF: Duration = Duration::from_millis(100);

/// How many attempts must fit into the largest wait. An agent that was started again ends executors that are not back
/// within just that time, and refuses them for its first moment: one long wait after a refusal would be the end.
const ATTEMPTS: u32 = 4;

/// How long a connection for calls is kept that nobody uses. Most tasks have nothing to say for as long as they run, and each
/// connection costs the agent 22 KB.
const IDLE: Duration = Duration::from_secs(1);

/// Makes an executor of the environment that its agent gave it. Nothing happens until its events are awaited.
///
/// Without checkpointing the loss of the agent is the end: [`Event::Shutdown`]. With it, it is the end once
/// [`Recovery::timeout`] has passed.
pub fn subscribe(environment: &Environment, content_type: ContentType) -> (Updates, Events) {
    let authorization = environment.authorization();
    let subscriber = Subscriber::new(
        environment.agent.clone().into(),
        // An agent is no group of masters.
        Duration::MAX,
        environment.path.clone(),
        content_type,
        authorization.clone(),
        policy(environment.recovery.as_ref()),
    );
    let shared = Arc::new(Shared {
        state: Mutex::new(Outbox { unacknowledged: Unacknowledged::default(), queue: VecDeque::new() }),
        queued: Notify::new(),
        framework_id: environment.framework_id.clone(),
        executor_id: environment.executor_id.clone(),
    });
    let events = Events {
        shared: Arc::clone(&shared),
        subscriber,
        content_type,
        agent: environment.agent.clone(),
        path: environment.path.clone(),
        authorization,
        caller: Some(Caller::default()),
        sending: None,
        idle: None,
        has_ended: false,
    };
    (Updates { shared }, events)
}

/// How an executor tries to come back: not at all, if its agent keeps nothing.
fn policy(recovery: Option<&Recovery>) -> Policy {
    let (give_up_after, max_backoff) = match recovery {
        Some(recovery) => (recovery.timeout, recovery.max_backoff / ATTEMPTS),
        None => (Duration::ZERO, Duration::ZERO),
    };
    Policy { backoff: BACKOFF.min(max_backoff), max_backoff, give_up_after: Some(give_up_after) }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<Outbox>,
    /// Something was put into the queue.
    queued: Notify,
    framework_id: v1::FrameworkId,
    executor_id: v1::ExecutorId,
}

#[derive(Debug)]
struct Outbox {
    unacknowledged: Unacknowledged,
    /// Calls to be sent on this subscription. A new one begins with an empty queue: SUBSCRIBE carries the updates.
    queue: VecDeque<Call>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, kind: call::Type) -> Call {
        Call {
            executor_id: self.executor_id.clone(),
            framework_id: self.framework_id.clone(),
            r#type: Some(kind.into()),
            ..Call::default()
        }
    }

    fn enqueue(&self, state: &mut Outbox, call: Call) {
        state.queue.push_back(call);
        self.queued.notify_one();
    }
}

/// Sends updates and data. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Updates {
    shared: Arc<Shared>,
}

impl Updates {
    /// Sends the state of a task, and repeats it until the agent acknowledges it. The uuid, the time, the source and
    /// the executor's id are filled in. Returns the uuid.
    pub fn send(&self, mut status: v1::TaskStatus) -> Uuid {
        let uuid = Uuid::random(&mut fastrand::Rng::new());
        status.uuid = Some(uuid.as_bytes().to_vec());
        status.source = Some(v1::task_status::Source::Executor.into());
        status.executor_id = Some(self.shared.executor_id.clone());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        status.timestamp = Some(now.as_secs_f64());
        let update = call::Update { status };
        let mut state = self.shared.lock();
        state.unacknowledged.updated(update.clone());
        let call = Call { update: Some(update), ..self.shared.call(call::Type::Update) };
        self.shared.enqueue(&mut state, call);
        uuid
    }

    /// Sends data to the framework, which gets it at most once; not at all if there is no subscription.
    pub fn message(&self, data: Vec<u8>) {
        let call = Call { message: Some(call::Message { data }), ..self.shared.call(call::Type::Message) };
        self.shared.enqueue(&mut self.shared.lock(), call);
    }

    /// How many updates are not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.shared.lock().unacknowledged.update_count()
    }
}

/// The events of an executor.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    subscriber: Subscriber<ProtoEvent>,
    content_type: ContentType,
    agent: Address,
    path: String,
    authorization: Option<HeaderValue>,
    /// `None` while a call is under way.
    caller: Option<Caller>,
    sending: Option<Sending>,
    /// When the caller's connection has been idle for long enough.
    idle: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

/// A call that is under way. Kept outside of `next`, so that cutting that off does not cut off the call.
struct Sending(Pin<Box<dyn Future<Output = Sent> + Send>>);

/// The caller comes back with the outcome.
type Sent = (Caller, Result<Answer, CallError>);

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}

impl Events {
    /// The next event. Subscribes first, and again after a loss, which [`Event::Disconnected`] tells. After the
    /// [`Event::Shutdown`] that follows an agent's final loss there are no more. May be cut off (`select!`) without
    /// losing an event or an update.
    ///
    /// # Errors
    /// The subscription was refused, or has ended.
    pub async fn next(&mut self) -> Result<Event, SubscribeError> {
        if self.has_ended {
            return Err(SubscribeError::Ended);
        }
        loop {
            self.begin_sending();
            let shared = Arc::clone(&self.shared);
            let content_type = self.content_type;
            let subscribe = || encode_subscribe(&shared, content_type);
            let happening = tokio::select! {
                biased;
                sent = finish(&mut self.sending) => {
                    if let Some(event) = self.sent(sent) {
                        return Ok(event);
                    }
                    continue;
                }
                happening = self.subscriber.next(&subscribe) => happening,
                () = self.shared.queued.notified() => continue,
                () = until(&mut self.idle) => {
                    self.caller = None;
                    continue;
                }
            };
            match happening {
                Ok(happening) => {
                    if let Some(event) = self.take(happening) {
                        return Ok(event);
                    }
                }
                Err(error) => {
                    self.has_ended = true;
                    return Err(error);
                }
            }
        }
    }

    /// Begins to send the first call of the queue, unless one is under way already.
    fn begin_sending(&mut self) {
        if self.sending.is_some() || !self.subscriber.is_subscribed() {
            return;
        }
        let Some(call) = self.shared.lock().queue.pop_front() else { return };
        self.idle = None;
        let body = tepui_wire::encode(self.content_type, &call);
        let outgoing = Outgoing::post(self.path.as_str(), self.content_type, body)
            .with(http::header::AUTHORIZATION, self.authorization.clone());
        let mut caller = self.caller.take().unwrap_or_default();
        let agent = self.agent.clone();
        self.sending = Some(Sending(Box::pin(async move {
            let answer = caller.call(&agent, outgoing).await;
            (caller, answer)
        })));
    }

    /// Takes the outcome of a call.
    fn sent(&mut self, (caller, answer): Sent) -> Option<Event> {
        self.caller = Some(caller);
        self.idle = Some(Box::pin(tokio::time::sleep(IDLE)));
        let reason = match answer {
            Ok(answer) if answer.status.is_success() => return None,
            Ok(answer)
                if answer.status == StatusCode::SERVICE_UNAVAILABLE
                    || answer.status == StatusCode::NOT_FOUND =>
            {
                format!("the agent answered {}: {}", answer.status, answer.text())
            }
            Ok(answer) => return Some(Event::Error(format!("{}: {}", answer.status, answer.text()))),
            Err(error) => error.to_string(),
        };
        // The update is not acknowledged, so the next SUBSCRIBE carries it.
        Some(self.lost(reason))
    }

    fn lost(&mut self, reason: String) -> Event {
        self.subscriber.lose();
        self.disconnected(reason)
    }

    fn disconnected(&mut self, reason: String) -> Event {
        info!(reason, "the connection to the agent was lost");
        // What is under way belongs to the lost subscription.
        self.sending = None;
        self.caller = None;
        self.idle = None;
        Event::Disconnected { reason }
    }

    fn take(&mut self, happening: Happening<ProtoEvent>) -> Option<Event> {
        match happening {
            Happening::Subscribed { address, .. } => {
                debug!(%address, "subscribed with the agent");
                None
            }
            Happening::Lost { reason } => Some(self.disconnected(reason)),
            Happening::GaveUp { reason } => {
                info!(reason, "the agent did not come back in time");
                self.has_ended = true;
                Some(Event::Shutdown)
            }
            Happening::Event(proto) => {
                let Some(event) = Event::from_proto(proto) else {
                    warn!("ignoring an event of an unknown type");
                    return None;
                };
                self.note(&event);
                Some(event)
            }
        }
    }

    fn note(&mut self, event: &Event) {
        let unacknowledged = &mut self.shared.lock().unacknowledged;
        match event {
            Event::Launch(task) => unacknowledged.launched(task.as_ref().clone()),
            Event::LaunchGroup(group) => {
                for task in &group.tasks {
                    unacknowledged.launched(task.clone());
                }
            }
            Event::Acknowledged { task_id, uuid } => unacknowledged.acknowledged(task_id, uuid),
            Event::Subscribed(_)
            | Event::Disconnected { .. }
            | Event::Kill { .. }
            | Event::Message(_)
            | Event::Shutdown
            | Event::Error(_)
            | Event::Heartbeat => {}
        }
    }
}

/// The end of the call that is under way; never, if there is none.
async fn finish(sending: &mut Option<Sending>) -> Sent {
    let Some(call) = sending else { return std::future::pending().await };
    let outcome = (&mut call.0).await;
    *sending = None;
    outcome
}

/// The end of a sleep, which is gone then; never, if there is none.
async fn until(sleep: &mut Option<Pin<Box<Sleep>>>) {
    let Some(sleeping) = sleep else { return std::future::pending().await };
    sleeping.await;
    *sleep = None;
}

/// Encodes SUBSCRIBE with all that is unacknowledged, and empties the queue, which would repeat it.
fn encode_subscribe(shared: &Shared, content_type: ContentType) -> Bytes {
    let mut state = shared.lock();
    state.queue.clear();
    let subscribe =
        Call { subscribe: Some(state.unacknowledged.to_subscribe()), ..shared.call(call::Type::Subscribe) };
    tepui_wire::encode(content_type, &subscribe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_attempts_fit_into_the_time_that_an_agent_waits() {
        let recovery = Recovery { timeout: Duration::from_mins(15), max_backoff: Duration::from_secs(2) };
        assert_eq!(policy(Some(&recovery)).max_backoff, Duration::from_millis(500));
        assert_eq!(policy(None).give_up_after, Some(Duration::ZERO));
    }
}
