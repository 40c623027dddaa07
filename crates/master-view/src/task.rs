//! A task as the view holds it.

use tepui_proto::v1;
use tepui_types::{AgentId, Resources, TaskId, is_terminal};

use crate::held::parse_resources;

/// A task on an agent, completed, or unreachable.
#[derive(Debug)]
pub(crate) struct Task {
    /// As the API shows it.
    pub(crate) proto: v1::Task,
    /// Whether its resources are still taken.
    pub(crate) holds_resources: bool,
}

impl Task {
    pub(crate) fn new(proto: v1::Task) -> Self {
        let mut task = Self { proto, holds_resources: false };
        task.holds_resources = !is_terminal(task.state());
        task
    }

    pub(crate) fn id(&self) -> TaskId {
        TaskId::from(&self.proto.task_id)
    }

    pub(crate) fn agent(&self) -> AgentId {
        AgentId::from(&self.proto.agent_id)
    }

    /// The newest state that the agent knows. The status update that was passed on, `status_update_state`, may lag behind.
    pub(crate) fn state(&self) -> v1::TaskState {
        self.proto.state()
    }

    pub(crate) fn resources(&self) -> Resources {
        parse_resources(&self.proto.resources)
    }

    /// Remembers a status: it replaces the last one if that has the same state.
    pub(crate) fn remember(&mut self, status: v1::TaskStatus) {
        let statuses = &mut self.proto.statuses;
        if statuses.last().is_some_and(|last| last.state == status.state) {
            statuses.pop();
        }
        statuses.push(status);
    }
}
