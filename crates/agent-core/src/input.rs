//! Everything that can happen to an agent.

use tepui_proto::{LinkMessage, v1};
use tepui_types::{ContainerId, Upid};

/// The shell's name for an HTTP request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The core's name for an executor's open event stream. Given by the core, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed; the deadline that `next_deadline` named may have been reached.
    Tick,
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
    /// The process is asked to stop: executors are shut down, then `Effect::Stopped` follows.
    Shutdown,
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

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Termination {
    /// The wait status of its first process, as `wait(2)` encodes it, if it could be learned.
    pub status: Option<i32>,
    /// The state that its tasks get, if the containerizer knows better than `TASK_FAILED`.
    pub state: Option<v1::TaskState>,
    /// Why it was ended, if the containerizer did it.
    pub reason: Option<v1::task_status::Reason>,
    /// What the containerizer says about it.
    pub message: Option<String>,
    /// The resources whose limit it reached.
    pub limited_resources: Vec<v1::Resource>,
}
