//! The journal: every change of the master's state, as the view folds it.

use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, TaskId, Upid, Uuid, WallTime};

use crate::agent::PackedInfo;
use crate::offer::OfferEntity;

/// One change of state.
///
/// An entity is sent whole when it is added; later changes name what is new. Task statuses and resources travel as
/// the protos that readers see.
#[derive(Clone, Debug)]
pub enum Change {
    /// This master leads and has recovered.
    Elected {
        /// The master, as `MasterInfo` shows it.
        info: Box<v1::MasterInfo>,
        /// When the process started.
        started: WallTime,
        /// When it was elected.
        elected: WallTime,
    },
    /// A framework subscribed for the first time, or was found on a re-registered agent.
    FrameworkAdded(Box<FrameworkEntity>),
    /// Anything but its tasks changed: replaces the entity.
    FrameworkUpdated(Box<FrameworkEntity>),
    /// Who follows the cluster hears of a framework as it is here. Its other changes they do not hear of.
    FrameworkAnnounced {
        /// Which.
        id: FrameworkId,
        /// What they hear.
        news: FrameworkNews,
    },
    /// A framework was removed; its remaining tasks and executors have been removed by their own changes before.
    FrameworkCompleted {
        /// Which.
        id: FrameworkId,
        /// When.
        at: WallTime,
    },
    /// The oldest completed framework was forgotten.
    FrameworkForgotten(FrameworkId),
    /// An agent registered, or re-registered after it was lost.
    AgentAdded(Box<AgentEntity>),
    /// Anything but its tasks changed: replaces the entity.
    AgentUpdated(Box<AgentEntity>),
    /// An agent that was added has all on its books that it brought: who follows the cluster hears of it, and of its tasks.
    AgentAnnounced {
        /// Which.
        id: AgentId,
        /// The frameworks that this master knows through it alone so far.
        recovered: Vec<FrameworkId>,
    },
    /// An agent was removed.
    AgentRemoved {
        /// Which.
        id: AgentId,
        /// Why.
        why: AgentRemoval,
        /// When.
        at: WallTime,
    },
    /// An agent that was marked unreachable is no longer so (it is added by its own change).
    AgentReachable(AgentId),
    /// An agent that was marked unreachable was forgotten.
    AgentForgotten(AgentId),
    /// The registry says that an agent is unreachable, and since when.
    AgentUnreachable(AgentId, WallTime),
    /// An agent of the registry has not re-registered yet; removed by `AgentAdded` or `AgentRemoved`.
    AgentRecovered(Box<v1::AgentInfo>),
    /// A task was launched, or brought by a re-registered agent. `statuses` is filled.
    TaskAdded {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        id: TaskId,
        /// Where.
        agent: AgentId,
        /// The task as the API shows it.
        task: Box<v1::Task>,
        /// What it holds; nothing if it has ended.
        held: Resources,
    },
    /// A task changed its state or got a status.
    TaskUpdated {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        task: TaskId,
        /// The state that `Task.state` shows.
        state: v1::TaskState,
        /// The state and uuid of the newest update, once there was one.
        update: Option<(v1::TaskState, Uuid)>,
        /// The status to remember, but for its data: it replaces the last one if that has the same state, else it is
        /// appended.
        status: Option<Box<v1::TaskStatus>>,
        /// What it held until now, if that has just been freed.
        freed: Option<Resources>,
    },
    /// A task left its agent: it is completed, unreachable, or forgotten.
    TaskRemoved {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        task: TaskId,
        /// Where it goes.
        to: TaskAfterlife,
        /// What it held until now, if it held something.
        freed: Option<Resources>,
    },
    /// An executor was launched, or brought by a re-registered agent.
    ExecutorAdded {
        /// Where.
        agent: AgentId,
        /// Whose.
        framework: FrameworkId,
        /// What.
        info: Box<Raw<v1::ExecutorInfo>>,
    },
    /// An executor ended.
    ExecutorRemoved {
        /// Where.
        agent: AgentId,
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
    },
    /// Resources were offered.
    OfferAdded(Box<OfferEntity>),
    /// An offer was accepted, declined, rescinded or discarded.
    OfferRemoved(OfferId),
    /// A framework was asked to leave an agent.
    InverseOfferAdded(Box<v1::InverseOffer>),
    /// An inverse offer was answered, rescinded or discarded.
    InverseOfferRemoved(OfferId),
    /// A framework answered whether it leaves an agent; replaces its last answer.
    InverseOfferAnswered {
        /// Which agent.
        agent: AgentId,
        /// What it said, and when.
        status: Box<v1::allocator::InverseOfferStatus>,
    },
    /// An agent will be unavailable at another time, or not: what was answered about it counts no more.
    InverseOfferAnswersForgotten(AgentId),
    /// Another maintenance schedule holds.
    MaintenanceChanged {
        /// As the operator gave it.
        schedule: Box<v1::maintenance::Schedule>,
        /// Its machines, and how far each has come.
        machines: Vec<v1::MachineInfo>,
    },
    /// A counter of `/metrics/snapshot` grew.
    Counted(Counter),
}

/// A framework as readers see it.
#[derive(Clone, Debug)]
pub struct FrameworkEntity {
    /// As subscribed, with its id.
    pub info: v1::FrameworkInfo,
    /// Active: receives offers.
    pub active: bool,
    /// Connected: has a stream or a driver.
    pub connected: bool,
    /// Known only from agents so far.
    pub recovered: bool,
    /// First subscription.
    pub registered: WallTime,
    /// Last subscription.
    pub reregistered: WallTime,
    /// The driver's address; none for an HTTP scheduler.
    pub pid: Option<Upid>,
    /// Roles in which it asked for no offers.
    pub suppressed_roles: Vec<String>,
    /// What offers must satisfy, by role.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
}

/// What is said of a framework to those who follow the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameworkNews {
    /// It is there.
    Added,
    /// It subscribed again, or described itself anew.
    Updated,
}

/// An agent as readers see it.
#[derive(Clone, Debug)]
pub struct AgentEntity {
    /// Which.
    pub id: AgentId,
    /// As registered, with its id.
    pub info: PackedInfo,
    /// Its address on the link.
    pub pid: Upid,
    /// Its version.
    pub version: String,
    /// What it can do.
    pub capabilities: Vec<v1::agent_info::capability::Type>,
    /// Connected to us.
    pub connected: bool,
    /// Offers are made for it.
    pub active: bool,
    /// An operator wants no offers to be made for it.
    pub deactivated: bool,
    /// How it is drained, if it is.
    pub drain: Option<v1::DrainInfo>,
    /// Since when, if that was decided in this master's time.
    pub drain_started: Option<WallTime>,
    /// First registration.
    pub registered: WallTime,
    /// Last re-registration.
    pub reregistered: Option<WallTime>,
    /// All its resources, with dynamic reservations and volumes.
    pub total: Resources,
}

/// Why an agent is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentRemoval {
    /// It did not answer pings or did not come back.
    Unreachable,
    /// It said goodbye.
    Unregistered,
    /// A new agent came from its address.
    Replaced,
    /// An operator marked it gone.
    Gone,
}

/// Where a removed task is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskAfterlife {
    /// Among the completed tasks.
    Completed,
    /// Among the unreachable tasks.
    Unreachable,
    /// Nowhere.
    Forgotten,
}

/// The counters that a step can raise (one: lower) by one, by what they count. The view knows their metric names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// A metric of Mesos by its full name, such as `master/messages_register_slave`.
    Named(&'static str),
    /// `master/task_<state>/source_<source>/reason_<reason>`; the state's own counter is raised too.
    TaskTerminal(v1::TaskState, Option<v1::task_status::Source>, Option<v1::task_status::Reason>),
    /// A call of a framework.
    Call(FrameworkId, v1::scheduler::call::Type),
    /// A call or message of a registered framework that has a principal came.
    MessageReceived(FrameworkId),
    /// One was handled; it may have waited.
    MessageProcessed(FrameworkId),
    /// An event sent to a framework.
    Event(FrameworkId, v1::scheduler::event::Type),
    /// An operation in an ACCEPT of a framework.
    Operation(FrameworkId, v1::offer::operation::Type),
    /// One more operation is in this state, or ended in it.
    OperationEntered(v1::offer::operation::Type, v1::OperationState),
    /// One operation less is in this state.
    OperationLeft(v1::offer::operation::Type, v1::OperationState),
    /// Offers sent to, accepted by, declined by or rescinded from a framework.
    Offers(FrameworkId, OfferFate, u64),
}

/// What became of offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfferFate {
    /// Sent.
    Sent,
    /// Accepted.
    Accepted,
    /// Declined.
    Declined,
    /// Rescinded.
    Rescinded,
}
