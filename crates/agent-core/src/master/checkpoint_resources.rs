//! `CheckpointResourcesMessage`: the reservations and volumes that operations have made of our resources.

use tepui_proto::internal;

use crate::agent::Agent;
use crate::change::Change;
use crate::effect::Effects;

impl Agent {
    /// Remembers them: tasks may use them, and masters are told of them.
    pub(crate) fn checkpoint_resources(
        &mut self,
        message: internal::CheckpointResourcesMessage,
        effects: &mut Effects,
    ) {
        if self.checkpointed != message.resources {
            self.checkpointed = message.resources;
            effects.change(Change::Checkpointed(self.checkpointed.clone()));
        }
    }
}
