//! UNRESERVE: the last reservation is taken off resources.

use tepui_proto::v1::offer::Operation;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Takes the last reservation off resources of the offers.
    pub(super) fn unreserve(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let unreserve = operation.unreserve.clone().unwrap_or_default();
        validation::operation::unreserve::validate(&unreserve)
            .map_err(|error| self.on_agent(accepted, &error))?;
        self.convert_remaining(accepted, operation, turn)
    }
}
