//! `GROW_VOLUME`: a persistent volume takes more disk.

use tepui_proto::v1::offer::Operation;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Adds disk of the offers to a volume of the offers.
    pub(super) fn grow_volume(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let (_, agent) = self.parties(accepted)?;
        let grow = operation.grow_volume.clone().unwrap_or_default();
        validation::operation::grow_volume::validate(&grow, agent)
            .map_err(|error| self.on_agent(accepted, &error))?;
        self.resize_remaining(accepted, operation, turn)
    }
}
