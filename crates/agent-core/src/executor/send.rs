//! What an executor hears.

use std::sync::Arc;

use tepui_proto::v1;
use tepui_proto::v1::executor::event::Type;
use tepui_types::{ExecutorId, FrameworkId, TaskId};

use super::Executor;
use crate::agent::Agent;
use crate::change::{Change, ExecutorState, TaskPlace};
use crate::effect::{Effect, Effects};
use crate::task::new_task;

impl Agent {
    /// Hands over the tasks that wait for an executor, if it is connected.
    pub(crate) fn send_queued_tasks(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(executor) = framework.executors.get_mut(executor_id) else { return };
        if framework.terminating || executor.state != ExecutorState::Running || executor.stream.is_none() {
            return;
        }
        while let Some(info) = executor.queued.pop_front() {
            let task = new_task(&info, v1::TaskState::TaskStaging, framework_id);
            effects.change(Change::TaskChanged {
                executor: executor_id.clone(),
                place: TaskPlace::Launched,
                task: Box::new(task.clone()),
            });
            executor.launched.insert(TaskId::from(&info.task_id), task);
            executor.was_sent_a_task = true;
            let launch = Some(v1::executor::event::Launch { task: info });
            executor.send(v1::executor::Event { launch, ..event(Type::Launch) }, effects);
        }
    }
}

impl Executor {
    /// Sends an event, if the executor is connected.
    pub(crate) fn send(&self, event: v1::executor::Event, effects: &mut Effects) {
        if let Some(stream) = self.stream {
            effects.push(Effect::SendEvent { stream, event: Arc::new(event) });
        }
    }
}

/// An event with nothing but its type.
pub(crate) fn event(kind: Type) -> v1::executor::Event {
    v1::executor::Event { r#type: Some(kind.into()), ..v1::executor::Event::default() }
}
