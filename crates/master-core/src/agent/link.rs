//! Sorting the messages that arrive over the link.

use tepui_proto::LinkMessage;
use tepui_types::Upid;

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Handles one message. Those that no master understands are counted and dropped.
    pub(crate) fn link_message(&mut self, from: Upid, to: &str, message: LinkMessage, turn: &mut Turn<'_>) {
        if !self.recovered {
            turn.count("master/dropped_messages");
            return;
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the rest is not for masters, or comes with later issues"
        )]
        match message {
            LinkMessage::RegisterSlave(message) => self.register(from, *message, turn),
            LinkMessage::ReregisterSlave(message) => self.reregister(&from, *message, turn),
            LinkMessage::UnregisterSlave(message) => self.unregister(&from, &message, turn),
            LinkMessage::UpdateSlave(message) => self.update_agent(*message, turn),
            LinkMessage::StatusUpdate(message) => self.status_update(*message, turn),
            LinkMessage::ExitedExecutor(message) => self.exited_executor(&message, turn),
            LinkMessage::ExecutorToFramework(message) => self.executor_message(*message, turn),
            LinkMessage::PongSlave(_) => self.pong(to),
            _ => turn.count("master/dropped_messages"),
        }
    }
}
