//! `StatusUpdateAcknowledgementMessage`: a scheduler has an update.

use tepui_proto::internal;
use tepui_types::{FrameworkId, TaskId};

use crate::agent::{Agent, State};
use crate::effect::Effects;
use crate::status_update::Acknowledged;

impl Agent {
    /// Goes on to the task's next update; after the last one, completes the task.
    pub(crate) fn acknowledgement(
        &mut self,
        message: &internal::StatusUpdateAcknowledgementMessage,
        effects: &mut Effects,
    ) {
        let ours = self.id.as_ref().is_some_and(|id| id.as_str() == message.slave_id.value);
        if self.state != State::Running || !ours {
            return;
        }
        let framework_id = FrameworkId::from(&message.framework_id);
        let task_id = TaskId::from(&message.task_id);
        match self.acknowledge(&framework_id, &task_id, &message.uuid, effects) {
            Acknowledged::Unexpected | Acknowledged::Continues => {}
            Acknowledged::Closed => self.complete_task(&framework_id, &task_id, effects),
        }
    }

    /// Lets go of a task, and of its executor and framework if nothing keeps them.
    fn complete_task(&mut self, framework_id: &FrameworkId, task_id: &TaskId, effects: &mut Effects) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        if let Some(executor_id) = framework.tasks.get(task_id).cloned()
            && let Some(executor) = framework.executors.get_mut(&executor_id)
            && executor.complete_task(task_id, effects)
        {
            framework.tasks.remove(task_id);
            self.remove_executor_if_done(framework_id, &executor_id, effects);
        }
        self.remove_framework_if_idle(framework_id, effects);
    }
}
