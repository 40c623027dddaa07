//! Everything that can happen to a master.

use std::collections::BTreeSet;

use tepui_proto::{LinkMessage, v1};
use tepui_types::Upid;

use crate::registry::Registry;

/// The shell's name for an HTTP request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The core's name for a scheduler's open event stream. Given by the core, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The core's name for a batch of registry writes. Given by the core, in increasing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed; the deadline that `next_deadline` named may have been reached.
    Tick,
    /// The registry was read after election. Sent once, before anything else is answered.
    Recovered(Box<Registry>),
    /// A well-formed `Call` arrived on the scheduler API.
    SchedulerCall(Box<SchedulerCall>),
    /// A well-formed `Call` that changes something arrived on the operator API.
    OperatorCall(Box<OperatorCall>),
    /// The host names whose agents are offered changed; all are, if there is no list.
    Whitelist(Option<BTreeSet<String>>),
    /// The client of an event stream went away, or the shell gave it up.
    StreamClosed(StreamId),
    /// A framework's peer does not take what is sent to it, goes on not to, or has taken all. Others are ignored.
    Backlog(Reader, Backlog),
    /// A message arrived over the link.
    Link {
        /// Who sent it.
        from: Upid,
        /// The actor of ours that it is addressed to, `master` or `slave-observer(N)`.
        to: String,
        /// What it says.
        message: LinkMessage,
    },
    /// The connection to a linked peer broke.
    LinkBroken(Upid),
    /// A batch of registry writes is durable.
    Stored(StoreId),
}

/// Who reads what a framework is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The client of an event stream.
    Stream(StreamId),
    /// A driver at the other end of a link.
    Driver(Upid),
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Its socket is full. Told at once, and every second or so while it stays behind.
    Behind {
        /// What waits for it outside of the socket.
        queued_bytes: u64,
        /// What its connection has taken so far. Grows if it reads at all.
        written_bytes: u64,
    },
    /// All has been written that was sent.
    CaughtUp,
}

/// A call as it came in, with what its HTTP request said around it.
#[derive(Clone, Debug)]
pub struct SchedulerCall {
    /// Whom to answer.
    pub request: RequestId,
    /// The call, not yet validated.
    pub call: v1::scheduler::Call,
    /// The `Mesos-Stream-Id` header.
    pub stream_id: Option<String>,
    /// Whether `Accept` admits JSON or protobuf. Looked at only for calls that are answered with a body.
    pub acceptable: bool,
    /// The authenticated principal.
    pub principal: Option<String>,
}

/// An operator's call. Its content is there: the shell refuses calls whose type lacks it.
#[derive(Clone, Debug)]
pub struct OperatorCall {
    /// Whom to answer.
    pub request: RequestId,
    /// The call.
    pub call: v1::master::Call,
    /// The authenticated principal.
    pub principal: Option<String>,
}
