//! The events of an executor, as one enum.

use tepui_proto::v1::executor::Event as ProtoEvent;
use tepui_proto::v1::executor::event::{Subscribed, Type};
use tepui_proto::{Raw, v1};

/// What an executor is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The executor is subscribed: first, and again after each loss.
    Subscribed(Box<Subscribed>),
    /// The agent was lost, and is being asked again for as long as the environment says. Told by this library.
    Disconnected {
        /// What happened.
        reason: String,
    },
    /// A task to run.
    Launch(Box<Raw<v1::TaskInfo>>),
    /// Tasks to run together.
    LaunchGroup(Box<v1::TaskGroupInfo>),
    /// A task to kill.
    Kill {
        /// Which task.
        task_id: v1::TaskId,
        /// How, in place of what the task says.
        kill_policy: Option<v1::KillPolicy>,
    },
    /// The agent has an update in its care.
    Acknowledged {
        /// The task of the update.
        task_id: v1::TaskId,
        /// The update.
        uuid: Vec<u8>,
    },
    /// Data from the framework, delivered at most once.
    Message(Vec<u8>),
    /// Kill all tasks and exit. Also told by this library when the agent does not come back.
    Shutdown,
    /// The agent refused something.
    Error(String),
    /// The agent is there.
    Heartbeat,
}

impl Event {
    /// `None` for a type that is newer than this library, and for an event without the part that its type promises.
    pub(super) fn from_proto(proto: ProtoEvent) -> Option<Self> {
        Some(match proto.r#type() {
            Type::Unknown => return None,
            Type::Subscribed => Self::Subscribed(Box::new(proto.subscribed?)),
            Type::Launch => Self::Launch(Box::new(proto.launch?.task)),
            Type::LaunchGroup => Self::LaunchGroup(Box::new(proto.launch_group?.task_group)),
            Type::Kill => {
                let kill = proto.kill?;
                Self::Kill { task_id: kill.task_id, kill_policy: kill.kill_policy }
            }
            Type::Acknowledged => {
                let acknowledged = proto.acknowledged?;
                Self::Acknowledged { task_id: acknowledged.task_id, uuid: acknowledged.uuid }
            }
            Type::Message => Self::Message(proto.message?.data),
            Type::Error => Self::Error(proto.error?.message),
            Type::Shutdown => Self::Shutdown,
            Type::Heartbeat => Self::Heartbeat,
        })
    }
}
