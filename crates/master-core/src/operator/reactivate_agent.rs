//! `REACTIVATE_AGENT`: an agent that was deactivated or drained is offered again.

use tepui_proto::v1::DrainState;
use tepui_types::AgentId;

use super::{Decision, refuse};
use crate::effect::{RejectionKind, Response};
use crate::input::RequestId;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Reactivates an agent: first in the registry.
    pub(super) fn reactivate_agent_call(&mut self, request: RequestId, id: &AgentId, turn: &mut Turn<'_>) {
        let standing = self.standing_of(id);
        if !standing.deactivated {
            return refuse(request, RejectionKind::BadRequest, "Agent is not deactivated", turn);
        }
        if standing.drain.is_some_and(|drain| drain.state() == DrainState::Draining) {
            let message = "Agent is still in the DRAINING state";
            return refuse(request, RejectionKind::BadRequest, message, turn);
        }
        if !self.refuse_unless_settled(request, id, turn) {
            let decide =
                |standing: &mut crate::agent::Standing| *standing = crate::agent::Standing::default();
            self.decide(id, decide, Decision::Reactivate(request), turn);
        }
    }

    /// The registry holds that an agent is offered again.
    pub(super) fn reactivated(&mut self, request: RequestId, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get_mut(id) else {
            let message = "Agent removed while processing the call";
            return refuse(request, RejectionKind::Conflict, message, turn);
        };
        agent.drain_started = None;
        // A later call may have deactivated it already.
        agent.active = agent.connected && !agent.standing.deactivated;
        let is_active = agent.active;
        self.publish_agent(id, turn);
        if is_active {
            self.allocator.activate_agent(id);
        }
        turn.respond(request, Response::Ok);
    }
}
