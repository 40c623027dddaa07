//! An executor is gone: what its tasks, its framework's scheduler and the master are told.

use tepui_proto::{internal, v1};
use tepui_types::{ExecutorId, FrameworkId, TaskId, Termination, is_terminal};

use super::Executor;
use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState, TaskPlace};
use crate::effect::{Effect, Effects};
use crate::record::Record;
use crate::status_update::AgentStatus;
use crate::timers::Timer;

/// What masters are told of an executor whose wait status nobody knows.
const UNKNOWN_STATUS: i32 = -1;

impl Agent {
    /// Records that an executor's container is gone, or never came to be (no termination).
    pub(crate) fn executor_terminated(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        termination: Option<&Termination>,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(executor) = framework.executors.get_mut(executor_id) else { return };
        effects.change(Change::Counted("slave/executors_terminated"));
        executor.state = ExecutorState::Terminated;
        effects.change(Change::ExecutorChanged {
            framework: framework_id.clone(),
            executor: executor_id.clone(),
            state: ExecutorState::Terminated,
        });
        self.timers.cancel(&Timer::ExecutorRegistration(executor.container.clone()));
        self.timers.cancel(&Timer::ExecutorShutdown(executor.container.clone()));
        self.timers.cancel(&Timer::ExecutorReconnect(executor.container.clone()));
        self.containers.remove(&executor.container);
        if let Some(stream) = executor.stream.take() {
            self.streams.remove(&stream);
            self.timers.cancel(&Timer::Heartbeat(stream));
            effects.push(Effect::CloseStream(stream));
        }
        if let Some(driver) = executor.driver.take() {
            effects.push(Effect::CloseLink(driver));
        }
        let reports = !executor.is_for_command;
        let statuses = if framework.terminating {
            // Nobody will acknowledge anything: the tasks end with their executor.
            executor.terminate_all(effects);
            Vec::new()
        } else {
            executor.final_statuses(termination)
        };
        for status in statuses {
            self.agent_update(framework_id, status, effects);
        }
        if reports {
            let status = termination.and_then(|termination| termination.status).unwrap_or(UNKNOWN_STATUS);
            self.send_exited_executor(framework_id, executor_id, status, effects);
        }
        self.remove_executor_if_done(framework_id, executor_id, effects);
        self.remove_framework_if_idle(framework_id, effects);
        self.recovered_if_done(effects);
    }

    /// Tells the master that an executor which it knows is gone.
    pub(crate) fn send_exited_executor(
        &self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        status: i32,
        effects: &mut Effects,
    ) {
        let (Some(master), Some(agent)) = (&self.master, &self.id) else { return };
        let message = internal::ExitedExecutorMessage {
            slave_id: agent.to_proto(),
            framework_id: framework_id.to_proto(),
            executor_id: executor_id.to_proto(),
            status,
        };
        effects.push(Effect::SendLink { to: master.clone(), message: message.into() });
    }

    /// Moves an executor that is gone among the completed once nothing of its tasks is open.
    pub(crate) fn remove_executor_if_done(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) {
        let agent_ends = self.state == State::Terminating;
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(executor) = framework.executors.get(executor_id) else { return };
        let must_wait = executor.has_incomplete_tasks() && !agent_ends && !framework.terminating;
        if executor.state != ExecutorState::Terminated || must_wait {
            return;
        }
        self.complete_executor(framework_id, executor_id, effects);
    }

    /// Moves an executor that is gone among the completed.
    pub(crate) fn complete_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(executor) = framework.executors.remove(executor_id) else { return };
        if executor.checkpoint {
            effects.record(Record::ExecutorRemoved(executor.run()));
        }
        framework.tasks.retain(|_, owner| owner != executor_id);
        effects.change(Change::ExecutorCompleted {
            framework: framework_id.clone(),
            executor: executor_id.clone(),
        });
        effects.push(Effect::LeaveSandbox { directory: executor.directory.clone() });
        framework.completed_executors.push_back(executor);
        if framework.completed_executors.len() > self.config.max_completed_executors_per_framework
            && let Some(oldest) = framework.completed_executors.pop_front()
        {
            effects.change(Change::ExecutorForgotten {
                framework: framework_id.clone(),
                container: oldest.container,
            });
        }
    }
}

impl Executor {
    /// The last statuses of the tasks that did not say how they ended.
    fn final_statuses(&self, termination: Option<&Termination>) -> Vec<AgentStatus> {
        let pending = self.pending_termination.as_ref();
        let both = [termination, pending];
        let first =
            |pick: fn(&Termination) -> Option<i32>| both.iter().flatten().find_map(|known| pick(known));
        let state = first(|known| known.state.map(i32::from)).and_then(|state| state.try_into().ok());
        let reason = first(|known| known.reason.map(i32::from)).and_then(|reason| reason.try_into().ok());
        let messages =
            [pending, termination].into_iter().flatten().filter_map(|known| known.message.as_deref());
        let messages: Vec<&str> = messages.collect();
        let message =
            if messages.is_empty() { "Executor terminated".to_owned() } else { messages.join("; ") };
        let running =
            self.launched.iter().filter(|(_, task)| !is_terminal(task.state())).map(|(id, _)| id.clone());
        let queued = self.queued.tasks().map(|task| TaskId::from(&task.task_id));
        running
            .chain(queued)
            .map(|task| AgentStatus {
                task,
                executor: Some(self.id.clone()),
                state: state.unwrap_or(v1::TaskState::TaskFailed),
                reason: reason.unwrap_or(v1::task_status::Reason::ExecutorTerminated),
                message: message.clone(),
                limited_resources: termination
                    .map(|known| known.limited_resources.clone())
                    .unwrap_or_default(),
            })
            .collect()
    }

    /// Ends all tasks without a word to anyone.
    fn terminate_all(&mut self, effects: &mut Effects) {
        self.queued.clear();
        self.unheard.clear();
        for (id, task) in std::mem::take(&mut self.launched) {
            effects.change(Change::TaskChanged {
                executor: self.id.clone(),
                place: TaskPlace::Terminated,
                task: task.clone(),
            });
            self.terminated.insert(id, task);
        }
    }
}
