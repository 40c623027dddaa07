//! `UnregisterSlaveMessage`: an agent says goodbye.

use tepui_proto::internal;
use tepui_types::{AgentId, Upid};

use super::Removal;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Removes an agent that shuts down, if it speaks for itself.
    pub(crate) fn unregister(
        &mut self,
        from: &Upid,
        message: &internal::UnregisterSlaveMessage,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_unregister_slave");
        let id = AgentId::from(&message.slave_id);
        if self.agents.registered.get(&id).is_some_and(|agent| agent.pid == *from) {
            self.begin_removal(&id, Removal::Unregistered, turn);
        }
    }
}
