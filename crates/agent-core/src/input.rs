//! Everything that can happen to an agent.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::{LinkMessage, v1};
use tepui_types::{ContainerId, Termination, Upid};

use crate::record::Record;

/// The shell's name for an HTTP request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The core's name for an executor's open event stream. Given by the core, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The core's name for a lot of records. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed; the deadline that `next_deadline` named may have been reached.
    Tick,
    /// What an earlier process of ours kept. Comes first, and once.
    Recover(Box<Recovery>),
    /// The containers of `Effect::RecoverContainers` were looked for. Those that are not here are gone.
    ContainersRecovered {
        /// Those that run, with their processes.
        running: BTreeMap<ContainerId, u32>,
        /// Those that were never started, for certain; what is `KnownContainer::is_idle_at_first` may have been, but is not
        /// here any more.
        unstarted: BTreeSet<ContainerId>,
        /// How those ended of which it is known.
        ended: BTreeMap<ContainerId, Termination>,
    },
    /// All records up to this lot are durable.
    Stored(StoreId),
    /// The leading master was detected, or was lost.
    Detected(Option<Upid>),
    /// A message arrived over the link, addressed to us.
    Link {
        /// Who sent it.
        from: Upid,
        /// What it says.
        message: LinkMessage,
    },
    /// The connection to a linked peer broke.
    LinkBroken(Upid),
    /// A well-formed `Call` arrived on the executor API.
    ExecutorCall(Box<ExecutorCall>),
    /// The client of an event stream went away, or the shell gave it up.
    StreamClosed(StreamId),
    /// The container of `Effect::Launch` runs.
    ContainerLaunched {
        /// Which.
        container: ContainerId,
        /// The process of its executor.
        pid: Option<u32>,
    },
    /// The container of `Effect::Launch` could not be started, and nothing of it is left. No exit follows.
    ContainerLaunchFailed {
        /// Which.
        container: ContainerId,
        /// What failed, as a fragment that finishes "failed to launch container: ...".
        message: String,
    },
    /// A container that ran has ended, by itself or because of `Effect::Destroy`, and nothing of it is left.
    ContainerExited {
        /// Which.
        container: ContainerId,
        /// How.
        termination: Termination,
    },
    /// The machine's operator ends the agent for good: it unregisters, executors are shut down, then `Effect::Stopped`
    /// follows.
    Shutdown,
    /// The process is to end and will come back: the executors of frameworks that checkpoint stay, others are destroyed,
    /// then `Effect::Stopped` follows.
    Leave,
}

/// What an earlier process of ours left.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// What it kept, in order.
    pub records: Vec<Record>,
    /// The machine was started anew since: no process of then is left.
    pub rebooted: bool,
    /// How many things could not be read.
    pub errors: u64,
}

/// A call as it came in, with what its HTTP request said around it.
#[derive(Clone, Debug)]
pub struct ExecutorCall {
    /// Whom to answer.
    pub request: RequestId,
    /// The call, not yet validated.
    pub call: v1::executor::Call,
    /// Whether `Accept` admits JSON or protobuf. Looked at only for SUBSCRIBE, which alone is answered with a body.
    pub acceptable: bool,
}
