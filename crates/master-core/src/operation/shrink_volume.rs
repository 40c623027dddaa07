//! `SHRINK_VOLUME`: a persistent volume gives disk back.

use tepui_proto::v1::offer::Operation;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Takes disk from a volume of the offers.
    pub(super) fn shrink_volume(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let (_, agent) = self.parties(accepted)?;
        let shrink = operation.shrink_volume.clone().unwrap_or_default();
        validation::operation::shrink_volume::validate(&shrink, agent)
            .map_err(|error| self.on_agent(accepted, &error))?;
        self.resize_remaining(accepted, operation, turn)
    }
}
