//! `ExecutorToFrameworkMessage`: an executor speaks to its scheduler.

use tepui_proto::internal;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::{AgentId, FrameworkId};

use crate::framework::event::of;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Passes the message on, if both ends are there.
    pub(crate) fn executor_message(
        &mut self,
        message: internal::ExecutorToFrameworkMessage,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_executor_to_framework");
        let agent = AgentId::from(&message.slave_id);
        let framework = self.frameworks.registered.get(&FrameworkId::from(&message.framework_id));
        let framework = framework.filter(|framework| framework.is_connected());
        let (true, Some(framework)) = (self.agents.registered.contains_key(&agent), framework) else {
            turn.count("master/invalid_executor_to_framework_messages");
            return;
        };
        let message = Some(event::Message {
            agent_id: message.slave_id,
            executor_id: message.executor_id,
            data: message.data,
        });
        framework.send(turn, Event { message, ..of(event::Type::Message) });
        turn.count("master/valid_executor_to_framework_messages");
    }
}
