//! SHUTDOWN: an executor is to end.

use tepui_proto::internal;
use tepui_proto::v1::scheduler::call;
use tepui_types::{AgentId, FrameworkId};

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Tells the executor's agent, if it is known.
    pub(crate) fn shutdown(
        &mut self,
        framework: &FrameworkId,
        shutdown: call::Shutdown,
        turn: &mut Turn<'_>,
    ) {
        let Some(agent) = self.agents.registered.get(&AgentId::from(&shutdown.agent_id)) else { return };
        let message = internal::ShutdownExecutorMessage {
            executor_id: Some(shutdown.executor_id),
            framework_id: Some(framework.to_proto()),
        };
        turn.send(&agent.pid, message);
    }
}
