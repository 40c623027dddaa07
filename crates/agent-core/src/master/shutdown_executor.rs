//! `ShutdownExecutorMessage`: an executor is to end with its tasks.

use tepui_proto::internal;
use tepui_types::{ExecutorId, FrameworkId};

use crate::agent::{Agent, State};
use crate::effect::Effects;

impl Agent {
    /// Asks the executor to end.
    pub(crate) fn shutdown_executor(
        &mut self,
        message: &internal::ShutdownExecutorMessage,
        effects: &mut Effects,
    ) {
        let (Some(framework), Some(executor)) = (&message.framework_id, &message.executor_id) else { return };
        let framework = FrameworkId::from(framework);
        let terminating = self.frameworks.get(&framework).is_none_or(|framework| framework.terminating);
        if self.state == State::Running && !terminating {
            self.shut_down_executor(&framework, &ExecutorId::from(executor), effects);
        }
    }
}
