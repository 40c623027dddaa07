//! What masters, drivers and observers say to us over the link. One file for each message; those of executors' drivers
//! are in `executor/driver.rs`.

mod acknowledgement;
mod checkpoint_resources;
mod drain;
mod framework_message;
mod kill_task;
mod ping;
mod registered;
mod reregistered;
mod run_task;
mod shutdown;
mod shutdown_executor;
mod shutdown_framework;
mod update_framework;

pub(crate) use registered::DEFAULT_PING_TIMEOUT;

use tepui_proto::LinkMessage;
use tepui_types::Upid;

use crate::agent::Agent;
use crate::effect::Effects;

impl Agent {
    /// Handles a message of the link. Those that are for others, or that we did not claim to know, are dropped.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most messages are for the master alone to send")]
    pub(crate) fn link_message(&mut self, from: &Upid, message: LinkMessage, effects: &mut Effects) {
        match message {
            LinkMessage::PingSlave(ping) => self.ping(from, ping.connected, effects),
            LinkMessage::FrameworkToExecutor(message) => self.framework_message(*message, effects),
            LinkMessage::RegisterExecutor(message) => self.register_driver(from, &message, effects),
            LinkMessage::ReregisterExecutor(message) => self.reregister_driver(from, *message, effects),
            LinkMessage::StatusUpdate(message) => self.driver_update(from, *message, effects),
            LinkMessage::ExecutorToFramework(message) => self.driver_message(from, *message, effects),
            message if self.master.as_ref() == Some(from) => self.master_message(message, effects),
            message => tracing::debug!(%from, name = message.name(), "dropped a message of a stranger"),
        }
    }

    /// Handles a message that only the leading master may send.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most messages of the link are for others")]
    fn master_message(&mut self, message: LinkMessage, effects: &mut Effects) {
        match message {
            LinkMessage::SlaveRegistered(message) => self.registered(&message, effects),
            LinkMessage::SlaveReregistered(message) => self.reregistered(*message, effects),
            LinkMessage::RunTask(message) => self.run_task(*message, effects),
            LinkMessage::RunTaskGroup(message) => self.run_task_group(*message, effects),
            LinkMessage::DrainSlave(message) => self.drain(*message, effects),
            LinkMessage::KillTask(message) => self.kill_task(&message, effects),
            LinkMessage::StatusUpdateAcknowledgement(message) => self.acknowledgement(&message, effects),
            LinkMessage::ShutdownFramework(message) => self.shutdown_framework(&message, effects),
            LinkMessage::ShutdownExecutor(message) => self.shutdown_executor(&message, effects),
            LinkMessage::UpdateFramework(message) => self.update_framework(*message, effects),
            LinkMessage::CheckpointResources(message) => self.checkpoint_resources(&message, effects),
            LinkMessage::ApplyOperation(message) => self.apply_operation(*message, effects),
            LinkMessage::AcknowledgeOperationStatus(message) => {
                self.operation_acknowledgement(&message, effects);
            }
            LinkMessage::ReconcileOperations(message) => self.reconcile_operations(*message, effects),
            LinkMessage::Shutdown(message) => self.shutdown(*message, effects),
            message => tracing::debug!(name = message.name(), "dropped a message that is not for agents"),
        }
    }
}
