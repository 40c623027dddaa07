//! CREATE: persistent volumes of reserved disk.

use tepui_proto::v1::offer::Operation;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Makes volumes of disk of the offers.
    pub(super) fn create(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let (framework, agent) = self.parties(accepted)?;
        let create = operation.create.clone().unwrap_or_default();
        validation::operation::create::validate(&create, framework, agent)
            .map_err(|error| self.on_agent(accepted, &error))?;
        self.convert_remaining(accepted, operation, turn)?;
        accepted.shared = accepted.remaining.shared();
        Ok(())
    }
}
