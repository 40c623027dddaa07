//! Task statuses that the master itself makes.

use prost::Message as _;
use tepui_proto::v1;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::{Reason, Source};
use tepui_types::{AgentId, ExecutorId, TaskId, WallTime};

use crate::task::Task;

/// A status without those parts that every status has.
#[derive(Clone, Debug)]
pub(crate) struct StatusDraft {
    pub(crate) state: TaskState,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl StatusDraft {
    /// Makes the status of a task.
    pub(crate) fn status(self, task: &TaskId, agent: Option<&AgentId>, now: WallTime) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: task.to_proto(),
            state: self.state as i32,
            message: Some(self.message),
            source: Some(Source::Master as i32),
            reason: Some(self.reason as i32),
            agent_id: agent.map(AgentId::to_proto),
            timestamp: Some(now.as_secs_f64()),
            ..v1::TaskStatus::default()
        }
    }

    /// Makes the status of a task that has an executor.
    pub(crate) fn status_with_executor(
        self,
        task: &TaskId,
        agent: &AgentId,
        executor: Option<&ExecutorId>,
        now: WallTime,
    ) -> v1::TaskStatus {
        let executor_id = executor.map(ExecutorId::to_proto);
        v1::TaskStatus { executor_id, ..self.status(task, Some(agent), now) }
    }
}

impl Task {
    /// What reconciliation answers for this task.
    pub(crate) fn reconciliation(&self, id: &TaskId, now: WallTime) -> v1::TaskStatus {
        let draft = StatusDraft {
            state: self.reconciled_state(),
            reason: Reason::Reconciliation,
            message: "Reconciliation: Latest task state".to_owned(),
        };
        let mut status = draft.status_with_executor(id, &self.agent, self.executor.as_ref(), now);
        self.report.fill(&mut status);
        status
    }
}

/// The health, check status and container status of a task's last status.
///
/// Few tasks are ever reconciled, so these are kept encoded: they are small then.
#[derive(Debug, Default)]
pub(crate) struct Report(Option<Box<[u8]>>);

impl Report {
    /// Keeps what a status reports.
    pub(crate) fn of(status: &v1::TaskStatus) -> Self {
        if status.healthy.is_none() && status.check_status.is_none() && status.container_status.is_none() {
            return Self(None);
        }
        let kept = v1::TaskStatus {
            healthy: status.healthy,
            check_status: status.check_status,
            container_status: status.container_status.clone(),
            ..v1::TaskStatus::default()
        };
        Self(Some(kept.encode_to_vec().into_boxed_slice()))
    }

    /// Adds what was kept to a status.
    pub(crate) fn fill(&self, status: &mut v1::TaskStatus) {
        let Some(kept) = self.0.as_deref().and_then(|bytes| v1::TaskStatus::decode(bytes).ok()) else {
            return;
        };
        status.healthy = kept.healthy;
        status.check_status = kept.check_status;
        status.container_status = kept.container_status;
    }
}
