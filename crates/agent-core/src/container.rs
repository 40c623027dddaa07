//! What the containerizer says of the containers that executors run in.

use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::agent::Agent;
use crate::change::{Change, ExecutorState};
use crate::effect::{Effect, Effects};
use crate::executor::Executor;
use crate::input::Termination;

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
        // Whoever ended it before it ran could not tell it so.
        if executor.state == ExecutorState::Terminating && executor.stream.is_none() {
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
        let Some(executor) = self.executor_in(&container) else { return };
        executor.state = ExecutorState::Terminating;
        executor.pending_termination = Some(Termination {
            state: Some(v1::TaskState::TaskFailed),
            reason: Some(v1::task_status::Reason::ExecutorRegistrationTimeout),
            message: Some(format!("Executor did not register within {within}")),
            ..Termination::default()
        });
        effects.change(Change::ExecutorChanged {
            framework: executor.framework.clone(),
            executor: executor.id.clone(),
            state: ExecutorState::Terminating,
        });
        effects.push(Effect::Destroy(container));
    }

    fn executor_in(&mut self, container: &ContainerId) -> Option<&mut Executor> {
        let (framework, executor) = self.containers.get(container)?;
        self.frameworks.get_mut(framework)?.executors.get_mut(executor)
    }
}
