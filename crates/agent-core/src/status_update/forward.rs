//! Sends updates on to the master, and repeats them until the scheduler has them.

use std::time::Duration;

use tepui_proto::internal;
use tepui_types::{FrameworkId, TaskId, Uuid};

use super::stream::{Acknowledged, RETRY_INTERVAL_MAX, RETRY_INTERVAL_MIN};
use crate::agent::{Agent, State};
use crate::effect::{Effect, Effects};
use crate::executor::Executor;
use crate::record::Record;
use crate::timers::Timer;

impl Agent {
    /// Stops forwarding: no master listens.
    pub(crate) fn pause_updates(&mut self) {
        for (framework, task) in self.updates.pending() {
            self.timers.cancel(&Timer::Retry(framework.clone(), task.clone()));
        }
    }

    /// Forwards the first pending update of each task: a master may not have heard of it.
    pub(crate) fn resume_updates(&mut self, effects: &mut Effects) {
        let pending: Vec<_> = self.updates.pending().cloned().collect();
        for (framework, task) in pending {
            self.forward_first(&framework, &task, RETRY_INTERVAL_MIN, effects);
        }
    }

    /// Forwards the first pending updates of a framework: its scheduler has just come back.
    pub(crate) fn resume_updates_of(&mut self, framework: &FrameworkId, effects: &mut Effects) {
        for task in self.updates.tasks_of(framework) {
            self.forward_first(framework, &task, RETRY_INTERVAL_MIN, effects);
        }
    }

    /// Repeats an update that was not acknowledged in time.
    pub(crate) fn retry_update(&mut self, framework: &FrameworkId, task: &TaskId, effects: &mut Effects) {
        let Some(stream) = self.updates.get(framework, task) else { return };
        let retry = stream.retry.saturating_mul(2).min(RETRY_INTERVAL_MAX);
        self.forward_first(framework, task, retry, effects);
    }

    /// Takes an acknowledgement; says what it came to.
    pub(crate) fn acknowledge(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        uuid: &[u8],
        effects: &mut Effects,
    ) -> Acknowledged {
        let outcome = self.updates.acknowledge(framework, task, uuid);
        if outcome != Acknowledged::Unexpected {
            let uuid = Uuid::from_slice(uuid);
            effects.records.extend(uuid.and_then(|uuid| self.acknowledged_record(framework, task, uuid)));
            self.timers.cancel(&Timer::Retry(framework.clone(), task.clone()));
            self.forward_first(framework, task, RETRY_INTERVAL_MIN, effects);
        }
        outcome
    }

    /// What is recorded of an acknowledgement, if its update was.
    fn acknowledged_record(&self, framework: &FrameworkId, task: &TaskId, uuid: Uuid) -> Option<Record> {
        let Some(executor) = self.executor_with(framework, task) else {
            return Some(Record::StrayAcknowledged {
                framework: framework.clone(),
                task: task.clone(),
                uuid,
            });
        };
        let run = executor.checkpoint.then(|| executor.run())?;
        Some(Record::Acknowledged { run, task: task.clone(), uuid })
    }

    /// The executor that has a task; the updates of a task that none has are strays.
    pub(crate) fn executor_with(&self, framework: &FrameworkId, task: &TaskId) -> Option<&Executor> {
        let framework = self.frameworks.get(framework)?;
        framework.executors.get(framework.tasks.get(task)?)
    }

    /// Forgets all updates of a framework.
    pub(crate) fn forget_updates_of(&mut self, framework: &FrameworkId, effects: &mut Effects) {
        for task in self.updates.tasks_of(framework) {
            if self.executor_with(framework, &task).is_none() {
                self.forget_stray(framework, &task, effects);
            }
            self.timers.cancel(&Timer::Retry(framework.clone(), task.clone()));
            self.updates.remove(framework, &task);
        }
    }

    /// Forgets what was said of a task that no executor here has.
    pub(crate) fn forget_stray(&mut self, framework: &FrameworkId, task: &TaskId, effects: &mut Effects) {
        if self.updates.get(framework, task).is_some() {
            effects.record(Record::StrayForgotten { framework: framework.clone(), task: task.clone() });
            self.timers.cancel(&Timer::Retry(framework.clone(), task.clone()));
            self.updates.remove(framework, task);
        }
    }

    /// Forwards the first pending update of a task, if there is one and a master listens.
    pub(super) fn forward_first(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        retry: Duration,
        effects: &mut Effects,
    ) {
        let (State::Running, Some(master)) = (self.state, self.master.clone()) else { return };
        let Some(stream) = self.updates.get_mut(framework_id, task_id) else { return };
        let Some(mut update) = stream.head().cloned() else { return };
        stream.retry = retry;
        self.timers.set(Timer::Retry(framework_id.clone(), task_id.clone()), self.now.time + retry);
        if let Some(framework) = self.frameworks.get_mut(framework_id)
            && let Some(executor) = framework.executor_of(task_id)
        {
            let launched = executor.launched.get_mut(task_id);
            if let Some(task) = launched.or_else(|| executor.terminated.get_mut(task_id)) {
                task.status_update_state = Some(update.status.state);
                task.status_update_uuid.clone_from(&update.uuid);
                update.latest_state = Some(task.state);
            }
        }
        let pid = Some(self.config.pid.to_string());
        let message = internal::StatusUpdateMessage { update, pid };
        effects.push(Effect::SendLink { to: master, message: message.into() });
    }
}
