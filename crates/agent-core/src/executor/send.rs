//! What an executor hears.

use std::collections::BTreeSet;
use std::sync::Arc;

use tepui_proto::v1::executor::event::Type;
use tepui_proto::{LinkMessage, Raw, internal, v1};
use tepui_types::{ExecutorId, FrameworkId, TaskId, Upid};

use super::Executor;
use super::queue::Queued;
use crate::agent::Agent;
use crate::change::{Change, ExecutorState, TaskPlace};
use crate::effect::{Effect, Effects};
use crate::record::Record;
use crate::task::new_task;

/// What drivers are told of a scheduler that has no address.
const NO_DRIVER: &str = "@0.0.0.0:0";

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
        if framework.terminating || executor.state != ExecutorState::Running || !executor.is_connected() {
            return;
        }
        // One that was made for its only task was launched with all that it gets.
        if !executor.is_for_command && !executor.queued.is_empty() {
            effects.push(executor.container_update());
        }
        while let Some(queued) = executor.queued.pop() {
            executor.hand_over(&queued, effects);
            match executor.driver.clone() {
                Some(to) => {
                    for task in queued.tasks {
                        let message = run_task(&framework.info, framework.pid.as_ref(), task);
                        effects.push(Effect::SendLink { to: to.clone(), message });
                    }
                }
                None => executor.send(launch_event(queued), effects),
            }
        }
    }
}

impl Executor {
    /// Notes that tasks are handed over.
    pub(crate) fn hand_over(&mut self, lot: &Queued, effects: &mut Effects) {
        for info in &lot.tasks {
            self.launch(info, effects);
        }
        if self.is_built_in() {
            self.unheard.push(lot.clone());
        }
    }

    /// Hands over once more what was on its way when its connection broke, and is not among the tasks that it knows.
    pub(crate) fn hand_over_again(&self, known: &BTreeSet<TaskId>, effects: &mut Effects) {
        for lot in self.unheard.iter().filter(|lot| !lot.task_ids().any(|task| known.contains(&task))) {
            self.send(launch_event(lot.clone()), effects);
        }
    }

    fn launch(&mut self, info: &v1::TaskInfo, effects: &mut Effects) {
        let id = TaskId::from(&info.task_id);
        let task = new_task(info, v1::TaskState::TaskStaging, &self.framework);
        effects.change(Change::TaskChanged {
            executor: self.id.clone(),
            place: TaskPlace::Launched,
            task: Box::new(task.clone()),
        });
        if self.checkpoint {
            effects.record(Record::Launched { run: self.run(), task: id.clone() });
        }
        self.launched.insert(id, Box::new(task));
        self.was_sent_a_task = true;
    }

    /// Sends an event, if the executor is connected.
    pub(crate) fn send(&self, event: v1::executor::Event, effects: &mut Effects) {
        if let Some(stream) = self.stream {
            effects.push(Effect::SendEvent { stream, event: Arc::new(event) });
        } else if let Some(to) = &self.driver
            && let Some(message) = self.for_driver(&event)
        {
            effects.push(Effect::SendLink { to: to.clone(), message });
        }
    }
}

fn launch_event(mut queued: Queued) -> v1::executor::Event {
    use v1::executor::event::{Launch, LaunchGroup};
    if queued.is_group {
        let task_group = v1::TaskGroupInfo { tasks: queued.tasks };
        return v1::executor::Event {
            launch_group: Some(LaunchGroup { task_group }),
            ..event(Type::LaunchGroup)
        };
    }
    let launch = queued.tasks.pop().map(|task| Launch { task });
    v1::executor::Event { launch, ..event(Type::Launch) }
}

fn run_task(info: &v1::FrameworkInfo, pid: Option<&Upid>, task: Raw<v1::TaskInfo>) -> LinkMessage {
    internal::RunTaskMessage {
        framework: info.clone(),
        task,
        // Compat: the oldest drivers want it there, and do nothing with it.
        pid: Some(pid.map_or_else(|| NO_DRIVER.to_owned(), Upid::to_string)),
        ..internal::RunTaskMessage::default()
    }
    .into()
}

/// An event with nothing but its type.
pub(crate) fn event(kind: Type) -> v1::executor::Event {
    v1::executor::Event { r#type: Some(kind.into()), ..v1::executor::Event::default() }
}
