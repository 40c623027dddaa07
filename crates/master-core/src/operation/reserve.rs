//! RESERVE: resources for a role, also when its frameworks are gone.

use tepui_proto::v1::offer::Operation;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Puts one more reservation on resources of the offers.
    pub(super) fn reserve(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let (framework, agent) = self.parties(accepted)?;
        let reserve = operation.reserve.clone().unwrap_or_default();
        validation::operation::reserve::validate(&reserve, framework, agent)
            .map_err(|error| self.on_agent(accepted, &error))?;
        self.convert_remaining(accepted, operation, turn)
    }
}
