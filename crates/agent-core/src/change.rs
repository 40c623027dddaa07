//! The journal: every change of the agent's state, as the view folds it.

use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId, Upid};

/// One change of state.
///
/// An entity is sent whole when it is added, and whole again when anything but its children changes. What ends goes
/// among the completed; those are bounded, and each one that falls out is named.
#[derive(Clone, Debug)]
pub enum Change {
    /// The master that we follow, and whether it has admitted us.
    Master {
        /// Its address, if it is known.
        pid: Option<Upid>,
        /// Registered with it.
        registered: bool,
    },
    /// A master gave us our id.
    AgentNamed(AgentId),
    /// The dynamic reservations and volumes are now these.
    Checkpointed(Vec<v1::Resource>),
    /// A framework ran its first task here, or was told anew.
    FrameworkUpdated(Box<FrameworkEntity>),
    /// A framework has nothing left here. A completed one of the same id is replaced.
    FrameworkCompleted(FrameworkId),
    /// The oldest completed framework was forgotten.
    FrameworkForgotten(FrameworkId),
    /// A completed framework is active again, with its completed executors.
    FrameworkRevived(FrameworkId),
    /// An executor was added.
    ExecutorAdded(Box<ExecutorEntity>),
    /// An executor went on to another state.
    ExecutorChanged {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
        /// Which state.
        state: ExecutorState,
    },
    /// An executor and all its tasks are done.
    ExecutorCompleted {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
    },
    /// The oldest completed executor of a framework was forgotten.
    ExecutorForgotten {
        /// Whose.
        framework: FrameworkId,
        /// Its container: ids of executors may repeat.
        container: ContainerId,
    },
    /// A task is new, moved on, or got a status: replaces the task of this id.
    TaskChanged {
        /// Its executor.
        executor: ExecutorId,
        /// Where it stands.
        place: TaskPlace,
        /// The task as the API shows it, with its framework.
        task: Box<v1::Task>,
    },
    /// The oldest completed task of an executor was forgotten.
    TaskForgotten {
        /// Whose.
        framework: FrameworkId,
        /// Of which executor.
        executor: ExecutorId,
        /// Which.
        task: TaskId,
    },
    /// A counter of `/metrics/snapshot`, named in full, grew by one.
    Counted(&'static str),
}

/// A framework as readers see it.
#[derive(Clone, Debug)]
pub struct FrameworkEntity {
    /// As the master told us, with its id.
    pub info: v1::FrameworkInfo,
    /// The driver's address; none for an HTTP scheduler.
    pub pid: Option<Upid>,
}

/// An executor as readers see it.
#[derive(Clone, Debug)]
pub struct ExecutorEntity {
    /// Whose.
    pub framework: FrameworkId,
    /// What.
    pub info: Raw<v1::ExecutorInfo>,
    /// Its container.
    pub container: ContainerId,
    /// Its sandbox.
    pub directory: String,
    /// Whether it is the command executor, which masters do not know.
    pub is_command_executor: bool,
}

/// The states of an executor, in the order in which it passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExecutorState {
    /// Being launched; it has not subscribed.
    Registering,
    /// It has subscribed.
    Running,
    /// Told to shut down, or being destroyed.
    Terminating,
    /// Gone; its tasks' last updates may not be acknowledged yet.
    Terminated,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskPlace {
    /// Waits for its executor to subscribe.
    Queued,
    /// Handed to its executor.
    Launched,
    /// Ended; its last update is not acknowledged.
    Terminated,
    /// Ended and acknowledged.
    Completed,
}
