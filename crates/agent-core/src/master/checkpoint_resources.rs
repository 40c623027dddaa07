//! `CheckpointResourcesMessage`: the reservations and volumes that operations have made of our resources, told by a
//! master that does not know that we carry out operations ourselves.

use tepui_proto::internal;
use tepui_types::Resources;

use crate::agent::Agent;
use crate::effect::Effects;
use crate::resources::total;

impl Agent {
    /// Takes them over: tasks may use them, and masters are told of them. What cannot be made of our resources is not
    /// taken over, and we register anew: the master then hears what we have.
    pub(crate) fn checkpoint_resources(
        &mut self,
        message: &internal::CheckpointResourcesMessage,
        effects: &mut Effects,
    ) {
        let possible = total(&self.info.resources, &message.resources).is_ok();
        match Resources::from_protos(&message.resources) {
            Ok(resources) if possible => self.set_checkpointed(&resources, effects),
            Ok(_) | Err(_) => {
                tracing::debug!("the master tells of reservations that our resources cannot have");
                self.redetect(effects);
            }
        }
    }
}
