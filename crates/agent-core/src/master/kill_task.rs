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
    pub(crate) fn kill_task(&mut self, message: internal::KillTaskMessage, effects: &mut Effects) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let task_id = TaskId::from(&message.task_id);
        let Some(framework) = self.frameworks.get(&framework_id) else { return };
        if framework.terminating || matches!(self.state, State::Terminating | State::Stopped) {
            return;
        }
        let executor = framework.tasks.get(&task_id).and_then(|id| framework.executors.get(id));
        let Some(executor) = executor else {
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
        };
        let executor_id = executor.id.clone();
        match executor.state {
            ExecutorState::Registering | ExecutorState::Running if executor.has_queued(&task_id) => {
                self.kill_queued_task(&framework_id, &executor_id, task_id, effects);
            }
            ExecutorState::Running => {
                let kill = event::Kill { task_id: message.task_id, kill_policy: message.kill_policy };
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

    /// Ends a task that its executor never saw.
    fn kill_queued_task(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        task: TaskId,
        effects: &mut Effects,
    ) {
        let status = AgentStatus {
            task,
            executor: Some(executor.clone()),
            state: v1::TaskState::TaskKilled,
            reason: v1::task_status::Reason::TaskKilledDuringLaunch,
            message: "Killed before delivery to the executor".to_owned(),
            limited_resources: Vec::new(),
        };
        self.agent_update(framework, status, effects);
        let state = self.frameworks.get(framework).and_then(|framework| framework.executors.get(executor));
        if state.is_some_and(|executor| executor.state == ExecutorState::Running) {
            self.shut_down_if_idle_from_the_start(framework, executor, effects);
        }
    }
}
