//! `RunTaskGroupMessage`: tasks that are to run together under the default executor.

use tepui_proto::{internal, v1};
use tepui_types::{ExecutorId, FrameworkId, TaskId, validate_id};

use crate::agent::{Agent, State};
use crate::effect::Effects;
use crate::status_update::AgentStatus;

const UNSUPPORTED: &str = "Task groups are not supported by this agent";

impl Agent {
    /// Refuses the group: each of its tasks is in error, so that its scheduler does not try again.
    pub(crate) fn run_task_group(&mut self, message: &internal::RunTaskGroupMessage, effects: &mut Effects) {
        let Some(framework) = message.framework.id.as_ref().map(FrameworkId::from) else { return };
        // As for `RunTaskMessage`: what comes while we are not registered is late.
        if self.state != State::Running || validate_id(framework.as_str()).is_err() {
            return;
        }
        let executor = ExecutorId::from(&message.executor.executor_id);
        self.ensure_framework(&framework, &message.framework, None, effects);
        for task in &message.task_group.tasks {
            let status = AgentStatus {
                task: TaskId::from(&task.task_id),
                executor: Some(executor.clone()),
                state: v1::TaskState::TaskError,
                reason: v1::task_status::Reason::TaskGroupInvalid,
                message: UNSUPPORTED.to_owned(),
                limited_resources: Vec::new(),
            };
            self.agent_update(&framework, status, effects);
        }
        if message.launch_executor == Some(true) {
            self.send_exited_executor(&framework, &executor, -1, effects);
        }
        self.remove_framework_if_idle(&framework, effects);
    }
}
