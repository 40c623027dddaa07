//! `DEACTIVATE_AGENT`: nothing of an agent is offered until it is reactivated.

use tepui_types::AgentId;

use super::Decision;
use crate::input::RequestId;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Deactivates an agent: first in the registry.
    pub(super) fn deactivate_agent_call(&mut self, request: RequestId, id: &AgentId, turn: &mut Turn<'_>) {
        if !self.refuse_unless_settled(request, id, turn) {
            let decide = |standing: &mut crate::agent::Standing| standing.deactivated = true;
            self.decide(id, decide, Decision::Deactivate(request), turn);
        }
    }
}
