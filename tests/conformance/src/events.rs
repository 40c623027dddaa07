//! What comes to the schedulers and agents of a case, sorted into what belongs to it.

use serde_json::Value;
use tepui_proto::LinkMessage;

/// Who got something: the position among the case's schedulers, agents or operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A scheduler.
    Scheduler(usize),
    /// An agent.
    Agent(usize),
    /// An operator's event stream.
    Watcher(usize),
}

/// What somebody got.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A scheduler's event.
    Event(Value),
    /// A scheduler's stream ended, and how.
    Closed(String),
    /// An agent's message.
    Message(LinkMessage),
}

/// One thing that came.
pub(crate) type Item = (Source, What);

/// The type of an event.
pub(crate) fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

/// The part of an event that belongs to its type.
pub(crate) fn part(event: &Value) -> &Value {
    &event[kind(event).to_lowercase()]
}
