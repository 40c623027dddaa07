//! `ShutdownFrameworkMessage`: a framework was torn down, or did not come back in time.

use tepui_proto::internal;
use tepui_types::{ExecutorId, FrameworkId};

use crate::agent::{Agent, State};
use crate::change::ExecutorState;
use crate::effect::Effects;

impl Agent {
    /// Ends all that the framework has here.
    pub(crate) fn shutdown_framework(
        &mut self,
        message: &internal::ShutdownFrameworkMessage,
        effects: &mut Effects,
    ) {
        if self.state == State::Running {
            self.end_framework(&FrameworkId::from(&message.framework_id), effects);
        }
    }

    /// Ends a framework's executors and forgets its updates.
    pub(crate) fn end_framework(&mut self, id: &FrameworkId, effects: &mut Effects) {
        self.forget_updates_of(id, effects);
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        if framework.terminating {
            return;
        }
        framework.terminating = true;
        let executors: Vec<(ExecutorId, ExecutorState)> =
            framework.executors.iter().map(|(id, executor)| (id.clone(), executor.state)).collect();
        for (executor, state) in executors {
            match state {
                ExecutorState::Registering | ExecutorState::Running => {
                    self.shut_down_executor(id, &executor, effects);
                }
                ExecutorState::Terminated => self.remove_executor_if_done(id, &executor, effects),
                ExecutorState::Terminating => {}
            }
        }
        self.remove_framework_if_idle(id, effects);
    }
}
