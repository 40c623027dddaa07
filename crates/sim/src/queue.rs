//! What is going to happen, in order of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tepui_proto::{LinkMessage, v1};
use tepui_types::{ContainerId, TaskId, Time, Upid};

use crate::election::Term;
use crate::fault::Fault;

/// A machine with a daemon on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Host {
    Master(usize),
    Agent(usize),
}

/// A life of a process: what was meant for an earlier one does not reach a later one.
pub(crate) type Life = u64;

/// Something that is going to happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// The deadline that a core named.
    Tick(Host, Life),
    /// A message comes out of a connection.
    Deliver { from: Host, to: Host, epoch: u64, sender: Upid, actor: String, message: LinkMessage },
    /// A daemon learns that its connection broke.
    LinkBroken { at: Host, life: Life, peer: Upid },
    /// A batch of the registry is durable.
    Stored { master: usize, life: Life },
    /// An election is held.
    Election,
    /// A master learns that it was elected.
    Elected { master: usize, life: Life, term: Term },
    /// The lease of a master ends, if it is still not heard of.
    LeaseEnds { master: usize, life: Life, term: Term },
    /// A master learns that its term is over.
    Deposed { master: usize, life: Life, term: Term },
    /// A master that was stopped goes on.
    Continued { master: usize },
    /// An agent looks who leads.
    AgentDetects { agent: usize, life: Life },
    /// A scheduler looks who leads.
    SchedulerDetects { scheduler: usize },
    /// A call reaches the master.
    Call {
        master: usize,
        scheduler: usize,
        session: u64,
        stream_id: Option<String>,
        call: Box<v1::scheduler::Call>,
    },
    /// The answer reaches the scheduler.
    Answer { scheduler: usize, session: u64, answer: Answer },
    /// An event reaches the scheduler; `None` ends its stream.
    Told { scheduler: usize, session: u64, event: Option<Arc<v1::scheduler::Event>> },
    /// The master learns that the client of a stream went away.
    StreamGone { master: usize, life: Life, stream: tepui_master_core::StreamId },
    /// A scheduler that did not read its events still does not, or reads again.
    Reads { master: usize, life: Life, scheduler: usize, stream: tepui_master_core::StreamId, until: Time },
    /// A scheduler looks after its tasks.
    SchedulerWakes { scheduler: usize },
    /// Something happens in a container.
    Container { agent: usize, life: Life, container: ContainerId, what: InContainer },
    /// Something goes wrong, or is repaired.
    Fault(Fault),
}

/// What the master answers to a call.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The stream is open; its `Mesos-Stream-Id`.
    Subscribed(String),
    Rejected(String),
}

/// What happens in a container.
#[derive(Debug)]
pub(crate) enum InContainer {
    Starts,
    FailsToStart,
    Connects,
    /// An event of the agent reaches the executor; `None` ends its stream.
    Event(Option<Arc<v1::executor::Event>>),
    Subscribed(tepui_agent_core::StreamId),
    /// A call of the executor reaches the agent.
    Call(Box<v1::executor::Call>),
    TaskEnds(TaskId, v1::TaskState),
    Exits,
}

/// Events in order of time; those of the same time in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Time, u64), Event>,
    added: u64,
}

impl Queue {
    pub(crate) fn add(&mut self, at: Time, event: Event) {
        self.events.insert((at, self.added), event);
        self.added += 1;
    }

    pub(crate) fn next(&mut self, until: Time) -> Option<(Time, Event)> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= until)?;
        let ((at, _), event) = first.remove_entry();
        Some((at, event))
    }
}
