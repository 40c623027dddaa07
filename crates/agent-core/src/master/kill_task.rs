//! `KillTaskMessage`: a task is to end.

use tepui_proto::v1::executor::event;
use tepui_proto::{internal, v1};
use tepui_types::{ExecutorId, FrameworkId, TaskId};

use crate::agent::{Agent, State};
use crate::change::ExecutorState;
use crate::effect::Effects;
use crate::status_update::AgentStatus;

impl Agent {
    /// Tells the executor; ends the task ourselves if the executor does not have it.
    pub(crate) fn kill_task(&mut self, message: &internal::KillTaskMessage, effects: &mut Effects) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let task_id = TaskId::from(&message.task_id);
        let Some(framework) = self.frameworks.get(&framework_id) else { return };
        if framework.terminating || self.state != State::Running && self.state != State::Disconnected {
            return;
        }
        let executor = framework.tasks.get(&task_id).and_then(|id| framework.executors.get(id));
        if executor.is_none() {
            let dropped = if framework.is_partition_aware() {
                v1::TaskState::TaskDropped
            } else {
                v1::TaskState::TaskLost
            };
            let status = AgentStatus {
                task: task_id,
                executor: None,
                state: dropped,
                reason: v1::task_status::Reason::ExecutorTerminated,
                message: "Cannot find executor".to_owned(),
                limited_resources: Vec::new(),
            };
            self.agent_update(&framework_id, status, effects);
            return;
        }
        self.kill(&framework_id, &task_id, message.kill_policy, effects);
    }

    /// Ends a task of an executor that is here.
    pub(crate) fn kill(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        kill_policy: Option<v1::KillPolicy>,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else { return };
        let Some(executor) = framework.tasks.get(task_id).and_then(|id| framework.executors.get(id)) else {
            return;
        };
        let executor_id = executor.id.clone();
        match executor.state {
            ExecutorState::Registering | ExecutorState::Running if executor.queued.has(task_id) => {
                self.kill_queued_tasks(framework_id, &executor_id, task_id, effects);
            }
            ExecutorState::Running => {
                let kill = event::Kill { task_id: task_id.to_proto(), kill_policy };
                let kill = v1::executor::Event {
                    r#type: Some(event::Type::Kill.into()),
                    kill: Some(kill),
                    ..v1::executor::Event::default()
                };
                executor.send(kill, effects);
            }
            ExecutorState::Registering | ExecutorState::Terminating | ExecutorState::Terminated => {}
        }
    }

    /// Ends a task that its executor never saw, with all tasks of its group.
    fn kill_queued_tasks(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        task: &TaskId,
        effects: &mut Effects,
    ) {
        let Some(found) = self.frameworks.get(framework).and_then(|known| known.executors.get(executor))
        else {
            return;
        };
        let is_running = found.state == ExecutorState::Running;
        let Some(lot) = found.queued.lot_of(task) else { return };
        let message = if lot.is_group && !is_running {
            "A task within the task group was killed before delivery to the executor"
        } else {
            "Killed before delivery to the executor"
        };
        let tasks: Vec<TaskId> = lot.tasks.iter().map(|task| TaskId::from(&task.task_id)).collect();
        for task in tasks {
            let status = AgentStatus {
                task,
                executor: Some(executor.clone()),
                state: v1::TaskState::TaskKilled,
                reason: v1::task_status::Reason::TaskKilledDuringLaunch,
                message: message.to_owned(),
                limited_resources: Vec::new(),
            };
            self.agent_update(framework, status, effects);
        }
        if is_running {
            self.shut_down_if_idle_from_the_start(framework, executor, effects);
        }
    }
}
