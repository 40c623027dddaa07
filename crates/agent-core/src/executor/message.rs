//! MESSAGE: data from an executor to its scheduler.

use tepui_proto::internal;
use tepui_types::{ExecutorId, FrameworkId};

use crate::agent::{Agent, State};
use crate::change::Change;
use crate::effect::{Effect, Effects};

impl Agent {
    /// Forwards data to the scheduler: to a driver itself, to an HTTP scheduler through the master.
    pub(crate) fn executor_message(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        data: Vec<u8>,
        effects: &mut Effects,
    ) {
        let framework = self.frameworks.get(framework_id).filter(|framework| !framework.terminating);
        let (State::Running, Some(framework), Some(master), Some(agent)) =
            (self.state, framework, &self.master, &self.id)
        else {
            effects.change(Change::Counted("slave/invalid_framework_messages"));
            return;
        };
        let message = internal::ExecutorToFrameworkMessage {
            slave_id: agent.to_proto(),
            framework_id: framework_id.to_proto(),
            executor_id: executor_id.to_proto(),
            data,
        };
        let to = framework.pid.as_ref().unwrap_or(master).clone();
        effects.push(Effect::SendLink { to, message: message.into() });
        effects.change(Change::Counted("slave/valid_framework_messages"));
    }
}
