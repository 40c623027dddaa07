//! What the containerizer says of the containers that executors run in.

use tepui_proto::v1;
use tepui_types::{ContainerId, Termination};

use crate::agent::Agent;
use crate::change::{Change, ExecutorState};
use crate::effect::{Effect, Effects};
use crate::executor::Executor;
use crate::framework::gone_state;
use crate::record::Record;
use crate::timers::Timer;

impl Agent {
    /// A container runs.
    pub(crate) fn container_launched(
        &mut self,
        container: ContainerId,
        pid: Option<u32>,
        effects: &mut Effects,
    ) {
        let Some(executor) = self.executor_in(&container) else {
            effects.push(Effect::Destroy(container));
            return;
        };
        executor.pid = pid;
        if let Some(pid) = pid.filter(|_| executor.checkpoint) {
            effects.record(Record::Started { run: executor.run(), pid });
        }
        // Whoever ended it before it ran could not tell it so.
        if executor.state == ExecutorState::Terminating && !executor.is_connected() {
            effects.push(Effect::Destroy(container));
        }
    }

    /// A container could not be started.
    pub(crate) fn container_launch_failed(
        &mut self,
        container: &ContainerId,
        message: &str,
        effects: &mut Effects,
    ) {
        effects.change(Change::Counted("slave/container_launch_errors"));
        let Some(executor) = self.executor_in(container) else { return };
        if executor.pending_termination.is_none() {
            executor.pending_termination = Some(Termination {
                state: Some(v1::TaskState::TaskFailed),
                reason: Some(v1::task_status::Reason::ContainerLaunchFailed),
                message: Some(format!("Failed to launch container: {message}")),
                ..Termination::default()
            });
        }
        self.container_gone(container, None, effects);
    }

    /// A container is gone.
    pub(crate) fn container_gone(
        &mut self,
        container: &ContainerId,
        termination: Option<&Termination>,
        effects: &mut Effects,
    ) {
        if let Some((framework, executor)) = self.containers.get(container).cloned() {
            self.executor_terminated(&framework, &executor, termination, effects);
        }
    }

    /// The executor did not subscribe in time.
    pub(crate) fn executor_registration_timeout(&mut self, container: ContainerId, effects: &mut Effects) {
        let within = tepui_types::format_duration(self.config.executor_registration_timeout);
        let back_within = tepui_types::format_duration(self.config.executor_reregistration_timeout);
        let Some((framework, _)) = self.containers.get(&container) else { return };
        let gone = self.frameworks.get(framework).map(|framework| gone_state(&framework.info));
        let Some(executor) = self.executor_in(&container) else { return };
        let (state, reason, message) = if executor.is_returning() {
            let reason = v1::task_status::Reason::ExecutorReregistrationTimeout;
            (gone, reason, format!("Executor did not reregister within {back_within}"))
        } else {
            let reason = v1::task_status::Reason::ExecutorRegistrationTimeout;
            (Some(v1::TaskState::TaskFailed), reason, format!("Executor did not register within {within}"))
        };
        executor.state = ExecutorState::Terminating;
        executor.pending_termination = Some(Termination {
            state,
            reason: Some(reason),
            message: Some(message),
            ..Termination::default()
        });
        effects.change(Change::ExecutorChanged {
            framework: executor.framework.clone(),
            executor: executor.id.clone(),
            state: ExecutorState::Terminating,
        });
        self.timers.cancel(&Timer::ExecutorReconnect(container.clone()));
        effects.push(Effect::Destroy(container));
        self.recovered_if_done(effects);
    }

    pub(crate) fn executor_in(&mut self, container: &ContainerId) -> Option<&mut Executor> {
        let (framework, executor) = self.containers.get(container)?;
        self.frameworks.get_mut(framework)?.executors.get_mut(executor)
    }
}
