//! `DrainSlaveMessage`: the operator wants the machine empty.

use std::time::Duration;

use tepui_proto::{internal, v1};
use tepui_types::{FrameworkId, TaskId, duration_from_proto, duration_to_proto};

use crate::agent::{Agent, State};
use crate::effect::Effects;
use crate::executor::Executor;
use crate::record::Record;

impl Agent {
    /// Ends all tasks, each by its own kill policy or the drain's, whichever is shorter; new ones are refused. It is
    /// remembered until nothing is left here.
    pub(crate) fn drain(&mut self, message: internal::DrainSlaveMessage, effects: &mut Effects) {
        if self.state != State::Running || self.frameworks.is_empty() && self.operations.is_empty() {
            return;
        }
        effects.record(Record::Drain(Some(message.config)));
        self.drain = Some(message.config);
        self.kill_all(effects);
    }

    /// Goes on draining after a restart.
    pub(crate) fn go_on_draining(&mut self, effects: &mut Effects) {
        if self.drain.is_some() {
            self.kill_all(effects);
            self.drained_if_done(effects);
        }
    }

    /// Ends the draining once nothing is left.
    pub(crate) fn drained_if_done(&mut self, effects: &mut Effects) {
        if self.drain.is_some() && self.frameworks.is_empty() && self.operations.is_empty() {
            self.drain = None;
            effects.record(Record::Drain(None));
        }
    }

    fn kill_all(&mut self, effects: &mut Effects) {
        let limit = self.drain.as_ref().and_then(|drain| drain.max_grace_period.as_ref());
        let limit = limit.map(duration_from_proto);
        let executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        let tasks: Vec<_> = executors.flat_map(|executor| tasks_to_kill(executor, limit)).collect();
        for (framework, task, policy) in tasks {
            self.kill(&framework, &task, policy, effects);
        }
    }

    /// Says of a task that ends while we drain why it does.
    pub(crate) fn explain_by_drain(&self, framework: &FrameworkId, status: &mut v1::TaskStatus) {
        let Some(drain) = &self.drain else { return };
        if !matches!(status.state(), v1::TaskState::TaskKilling | v1::TaskState::TaskKilled) {
            return;
        }
        status.reason = Some(v1::task_status::Reason::AgentDraining.into());
        let knows =
            self.frameworks.get(framework).is_some_and(crate::framework::Framework::is_partition_aware);
        if drain.mark_gone() && knows {
            status.state = v1::TaskState::TaskGoneByOperator.into();
        }
    }
}

/// The tasks of an executor, with the policies to kill them by.
fn tasks_to_kill(
    executor: &Executor,
    limit: Option<Duration>,
) -> Vec<(FrameworkId, TaskId, Option<v1::KillPolicy>)> {
    let queued = executor.queued.tasks().map(|task| (TaskId::from(&task.task_id), task.kill_policy));
    let launched = executor.launched.iter().map(|(id, task)| (id.clone(), task.kill_policy));
    let with_policy = |(id, own): (TaskId, Option<v1::KillPolicy>)| {
        (executor.framework.clone(), id, shorter(own.as_ref(), limit))
    };
    queued.chain(launched).map(with_policy).collect()
}

/// The drain's grace period, where the task's own is longer or not set.
fn shorter(own: Option<&v1::KillPolicy>, limit: Option<Duration>) -> Option<v1::KillPolicy> {
    let limit = limit?;
    let own = own.and_then(|policy| policy.grace_period.as_ref()).map(duration_from_proto);
    let is_short = own.is_some_and(|own| own <= limit);
    (!is_short).then(|| v1::KillPolicy { grace_period: Some(duration_to_proto(limit)) })
}
