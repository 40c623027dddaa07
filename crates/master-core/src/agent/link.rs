//! Sorting the messages that arrive over the link.

use tepui_proto::LinkMessage;
use tepui_types::Upid;

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// The connection to a peer broke.
    pub(crate) fn link_broken(&mut self, peer: &Upid, turn: &mut Turn<'_>) {
        self.driver_link_broken(peer, turn);
        self.agent_link_broken(peer, turn);
    }

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
            LinkMessage::UpdateOperationStatus(message) => self.operation_status(*message, turn),
            LinkMessage::ExitedExecutor(message) => self.exited_executor(&message, turn),
            LinkMessage::ExecutorToFramework(message) => self.executor_message(*message, turn),
            LinkMessage::PongSlave(_) => self.pong(to, turn),
            LinkMessage::SchedulerCall(call) => self.driver_call(&from, *call, turn),
            LinkMessage::RegisterFramework(message) => self.driver_register(&from, *message, turn),
            LinkMessage::ReregisterFramework(message) => self.driver_reregister(&from, *message, turn),
            LinkMessage::UnregisterFramework(message) => self.driver_unregister(&from, *message, turn),
            LinkMessage::DeactivateFramework(message) => self.driver_deactivate(&from, &message, turn),
            LinkMessage::ResourceRequest(message) => self.driver_request(&from, *message, turn),
            LinkMessage::LaunchTasks(message) => self.driver_launch(&from, *message, turn),
            LinkMessage::ReviveOffers(message) => self.driver_revive(&from, *message, turn),
            LinkMessage::KillTask(message) => self.driver_kill(&from, *message, turn),
            LinkMessage::StatusUpdateAcknowledgement(message) => {
                self.driver_acknowledge(&from, *message, turn);
            }
            LinkMessage::FrameworkToExecutor(message) => self.driver_message(&from, *message, turn),
            LinkMessage::ReconcileTasks(message) => self.driver_reconcile(&from, *message, turn),
            LinkMessage::Authenticate(_) => Self::authenticate(&from, turn),
            _ => turn.count("master/dropped_messages"),
        }
    }
}
