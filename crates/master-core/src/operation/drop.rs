//! Telling frameworks that what they asked for does not happen.

use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{OperationState, TaskState};
use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, FrameworkId, TaskId};

use crate::change::{Change, Counter};
use crate::master::Master;
use crate::task::StatusDraft;
use crate::turn::Turn;

impl Master {
    /// Drops an operation. Its framework learns of it if it gave the operation an id.
    pub(crate) fn drop_operation(
        &self,
        framework: &FrameworkId,
        operation: &Operation,
        message: String,
        turn: &mut Turn<'_>,
    ) {
        let Some(framework) = self.frameworks.registered.get(framework) else { return };
        let state = OperationState::OperationError;
        turn.change(Change::Counted(Counter::OperationEntered(operation.r#type(), state)));
        if operation.id.is_some() {
            let status = v1::OperationStatus {
                operation_id: operation.id.clone(),
                state: state as i32,
                message: Some(message),
                ..v1::OperationStatus::default()
            };
            framework.send_operation_status(turn, status);
        }
    }

    /// Refuses tasks that are wrong.
    pub(crate) fn refuse_tasks(
        &self,
        framework: &FrameworkId,
        tasks: &[Raw<v1::TaskInfo>],
        reason: Reason,
        message: &str,
        turn: &mut Turn<'_>,
    ) {
        for task in tasks {
            let draft = StatusDraft { state: TaskState::TaskError, reason, message: message.to_owned() };
            let agent = AgentId::from(&task.agent_id);
            let status = draft.status(&TaskId::from(&task.task_id), Some(&agent), turn.now.wall);
            self.refuse_task(framework, status, turn);
        }
    }
}
