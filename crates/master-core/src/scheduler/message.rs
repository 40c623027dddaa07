//! MESSAGE: a scheduler speaks to its executor. There is no promise that it arrives.

use tepui_proto::internal;
use tepui_proto::v1::scheduler::call;
use tepui_types::{AgentId, FrameworkId};

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Passes the message to the executor's agent, if that is connected.
    pub(crate) fn message(&mut self, framework: &FrameworkId, message: call::Message, turn: &mut Turn<'_>) {
        turn.count("master/messages_framework_to_executor");
        let agent = self.agents.registered.get(&AgentId::from(&message.agent_id));
        let Some(agent) = agent.filter(|agent| agent.connected) else {
            turn.count("master/invalid_framework_to_executor_messages");
            return;
        };
        let passed = internal::FrameworkToExecutorMessage {
            slave_id: message.agent_id,
            framework_id: framework.to_proto(),
            executor_id: message.executor_id,
            data: message.data,
        };
        turn.send(&agent.pid, passed);
        turn.count("master/valid_framework_to_executor_messages");
    }
}
