//! Status updates: how they are made, kept, forwarded and acknowledged.
//!
//! Each task has a stream of updates in the order in which they came. The first one that the scheduler has not
//! acknowledged is forwarded to the master, again after 10 seconds, then after twice as long and so on up to 10
//! minutes, while we are registered. An executor is told ACKNOWLEDGED as soon as its update is in the stream; it
//! repeats the update when it subscribes again without having heard so.
//!
//! The updates of tasks of checkpointing frameworks are recorded when they enter their stream, and so are their
//! acknowledgements: both outlive us. So do those of tasks that no executor here has (strays): a launch that was refused,
//! or that never arrived. The master asks for these again when we come back, and must not hear of two ends.

mod accept;
mod forward;
mod stream;

pub(crate) use accept::Keeping;
pub(crate) use stream::{Acknowledged, Stream, Streams};

use tepui_proto::{internal, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId, Uuid, WallTime};

/// A state that an executor may say its task is in. That it is unreachable or unknown is the word of masters, who take it from
/// nobody else: it would stay the first of its stream for ever, and no later one would be heard of.
pub(crate) fn is_executors_word(state: v1::TaskState) -> bool {
    use v1::TaskState as S;
    !matches!(state, S::TaskStaging | S::TaskUnreachable | S::TaskUnknown)
}

/// Who says how a task is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpdateSource {
    /// We do.
    Agent,
    /// An executor, which hears when its update is kept.
    Executor(FrameworkId, ExecutorId),
}

/// What we say about a task ourselves.
#[derive(Clone, Debug)]
pub(crate) struct AgentStatus {
    pub(crate) task: TaskId,
    pub(crate) executor: Option<ExecutorId>,
    pub(crate) state: v1::TaskState,
    pub(crate) reason: v1::task_status::Reason,
    pub(crate) message: String,
    /// The resources whose limit was reached.
    pub(crate) limited_resources: Vec<v1::Resource>,
}

impl AgentStatus {
    /// Makes the update.
    pub(crate) fn into_update(
        self,
        framework: &FrameworkId,
        agent: &AgentId,
        uuid: Uuid,
        at: WallTime,
    ) -> internal::StatusUpdate {
        let timestamp = at.as_secs_f64();
        let executor_id = self.executor.as_ref().map(ExecutorId::to_proto);
        let limitation = (!self.limited_resources.is_empty())
            .then_some(v1::TaskResourceLimitation { resources: self.limited_resources });
        internal::StatusUpdate {
            framework_id: framework.to_proto(),
            executor_id: executor_id.clone(),
            slave_id: Some(agent.to_proto()),
            status: v1::TaskStatus {
                task_id: self.task.to_proto(),
                state: self.state.into(),
                message: Some(self.message),
                source: Some(v1::task_status::Source::Agent.into()),
                reason: Some(self.reason.into()),
                agent_id: Some(agent.to_proto()),
                executor_id,
                timestamp: Some(timestamp),
                uuid: Some(uuid.as_bytes().to_vec()),
                limitation,
                ..v1::TaskStatus::default()
            },
            timestamp,
            uuid: Some(uuid.as_bytes().to_vec()),
            latest_state: None,
        }
    }
}
