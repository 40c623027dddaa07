//! What must outlive the agent's process, as a list of records: the journal.
//!
//! The core emits a record for each change that it promises something upon, and everything that it does in that step waits
//! until the record is kept ([`gate`](crate::gate)). Replaying the records in order makes the same agent again
//! ([`recovery`](crate::recovery)); [`Agent::snapshot`](crate::Agent::snapshot) is a shorter list that makes it too.
//!
//! Only what frameworks with `checkpoint` have here is recorded; others lose their executors with the agent. What we say of
//! tasks that are not here is recorded in any case: said anew it would have another uuid.

use tepui_proto::{Raw, internal, v1};
use tepui_types::{ContainerId, ExecutorId, FrameworkId, TaskId, Upid, Uuid};

/// One run of an executor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
    /// Its container; an executor of the same id may run again in another one.
    pub container: ContainerId,
}

/// How an executor speaks to its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// By the executor API: it subscribes.
    Http,
    /// By messages of the link: it is an old driver at this address.
    Driver(Upid),
}

/// One thing to remember.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// We are to be a new agent: all before this is forgotten, except the reservations and volumes.
    Anew,
    /// Who we are, with the id that a master gave us.
    Agent(Box<v1::AgentInfo>),
    /// The reservations and volumes made of our resources.
    Resources(Vec<v1::Resource>),
    /// An operation has ended.
    Operation {
        /// What masters are told that we have.
        entity: Box<v1::Operation>,
        /// What is sent until it is acknowledged.
        update: Box<internal::UpdateOperationStatusMessage>,
    },
    /// The end of an operation was acknowledged.
    OperationAcknowledged(Uuid),
    /// The master drains us; or no longer.
    Drain(Option<v1::DrainConfig>),
    /// A framework, or what has become of it.
    Framework {
        /// As the master told us, with its id.
        info: Box<v1::FrameworkInfo>,
        /// The driver's address; none for an HTTP scheduler.
        pid: Option<Upid>,
    },
    /// A framework has nothing left here.
    FrameworkRemoved(FrameworkId),
    /// An executor is to run.
    Executor {
        /// Which.
        run: Run,
        /// What it is.
        info: Box<Raw<v1::ExecutorInfo>>,
        /// It was made for a command task; masters do not know it.
        is_for_command: bool,
    },
    /// An executor's container runs.
    Started {
        /// Which.
        run: Run,
        /// Its process.
        pid: u32,
    },
    /// An executor has connected.
    Connected {
        /// Which.
        run: Run,
        /// How.
        speaks: Speaks,
    },
    /// An executor is gone, and all that its tasks had to say is acknowledged.
    ExecutorRemoved(Run),
    /// A framework that had nothing left here when the snapshot was made. Its executors follow, then that it was removed.
    FrameworkWas {
        /// As the master told us, with its id.
        info: Box<v1::FrameworkInfo>,
        /// The driver's address; none for an HTTP scheduler.
        pid: Option<Upid>,
    },
    /// An executor that was gone when the snapshot was made.
    ExecutorWas {
        /// Which.
        run: Run,
        /// What it was.
        info: Box<Raw<v1::ExecutorInfo>>,
        /// It was made for a command task; masters do not know it.
        is_for_command: bool,
        /// Its tasks as they ended.
        tasks: Vec<v1::Task>,
    },
    /// Tasks wait for their executor.
    Queued {
        /// Theirs.
        run: Run,
        /// What they are.
        tasks: Vec<Raw<v1::TaskInfo>>,
        /// Whether they are one group.
        is_group: bool,
    },
    /// A queued task is handed to its executor.
    Launched {
        /// Its executor's.
        run: Run,
        /// Which.
        task: TaskId,
    },
    /// A task that was handed to its executor, as it stands. Only snapshots and folders of Mesos have it.
    Task {
        /// Its executor's.
        run: Run,
        /// How it stands.
        task: Box<v1::Task>,
    },
    /// A status update of a task, to be sent until it is acknowledged.
    Update {
        /// Its executor's.
        run: Run,
        /// What it says.
        update: Box<internal::StatusUpdate>,
    },
    /// A status update was acknowledged.
    Acknowledged {
        /// Its executor's.
        run: Run,
        /// Of which task.
        task: TaskId,
        /// Which.
        uuid: Uuid,
    },
    /// A status update of a task that no executor here has, to be sent until it is acknowledged.
    Stray(Box<internal::StatusUpdate>),
    /// Such an update was acknowledged.
    StrayAcknowledged {
        /// Whose.
        framework: FrameworkId,
        /// Of which task.
        task: TaskId,
        /// Which.
        uuid: Uuid,
    },
    /// What such updates said of a task is of no use any more.
    StrayForgotten {
        /// Whose.
        framework: FrameworkId,
        /// Which task.
        task: TaskId,
    },
}

impl Record {
    /// Tells whether it must survive the machine's loss of power, too, before anything follows upon it. The others
    /// need only survive our process: either nothing of them outlives the machine, or losing them repeats a message. So it is
    /// with executors and queued tasks: if power is lost before anything was said of them, the master, which misses them in
    /// our report, is told that they are not here, and that is true. What was said of them is synced, with all before it.
    pub fn must_survive_power_loss(&self) -> bool {
        match self {
            Self::Anew
            | Self::Agent(_)
            | Self::Resources(_)
            | Self::Operation { .. }
            | Self::Drain(_)
            | Self::Task { .. }
            | Self::Update { .. }
            | Self::Stray(_) => true,
            Self::FrameworkWas { .. }
            | Self::ExecutorWas { .. }
            | Self::OperationAcknowledged(_)
            | Self::Framework { .. }
            | Self::FrameworkRemoved(_)
            | Self::Executor { .. }
            | Self::Queued { .. }
            | Self::Started { .. }
            | Self::Connected { .. }
            | Self::ExecutorRemoved(_)
            | Self::Launched { .. }
            | Self::Acknowledged { .. }
            | Self::StrayAcknowledged { .. }
            | Self::StrayForgotten { .. } => false,
        }
    }
}
