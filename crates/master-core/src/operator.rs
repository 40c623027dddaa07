//! The operator API: the calls that change something, one file each. Those that read are answered by the view.

mod deactivate_agent;
mod drain_agent;
mod mark_agent_gone;
mod reactivate_agent;
mod teardown;

use tepui_proto::v1;
use tepui_proto::v1::master::call::Type;
use tepui_types::AgentId;

use crate::effect::{Rejection, RejectionKind, Response};
use crate::input::{OperatorCall, RequestId};
use crate::master::Master;
use crate::turn::Turn;

pub(crate) use drain_agent::Decision;

impl Master {
    /// Carries out an operator's call whose parts are there.
    pub(crate) fn operator_call(&mut self, operator: OperatorCall, turn: &mut Turn<'_>) {
        let OperatorCall { request, call, .. } = operator;
        if !self.recovered {
            return refuse(request, RejectionKind::Unavailable, "Master has not finished recovery", turn);
        }
        let agent = |id: Option<v1::AgentId>| AgentId::new(id.unwrap_or_default().value);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "a list of the wire's, of which these change something"
        )]
        match call.r#type() {
            Type::Teardown => {
                self.operator_teardown(request, &call.teardown.unwrap_or_default().framework_id, turn);
            }
            Type::MarkAgentGone => {
                let id = agent(call.mark_agent_gone.map(|call| call.agent_id));
                self.mark_agent_gone_call(request, &id, turn);
            }
            Type::DeactivateAgent => {
                let id = agent(call.deactivate_agent.map(|call| call.agent_id));
                self.deactivate_agent_call(request, &id, turn);
            }
            Type::ReactivateAgent => {
                let id = agent(call.reactivate_agent.map(|call| call.agent_id));
                self.reactivate_agent_call(request, &id, turn);
            }
            Type::UpdateMaintenanceSchedule => {
                let update = call.update_maintenance_schedule.unwrap_or_default();
                self.update_maintenance_schedule(request, update.schedule, turn);
            }
            Type::DrainAgent => self.drain_agent_call(request, &call.drain_agent.unwrap_or_default(), turn),
            kind => {
                let message = format!("Call {} is not implemented", kind.as_str_name());
                refuse(request, RejectionKind::NotImplemented, message, turn);
            }
        }
    }

    /// Tells whether an agent is admitted, awaited or unreachable.
    fn is_in_registry(&self, id: &AgentId) -> bool {
        self.agents.registered.contains_key(id)
            || self.agents.recovered.contains_key(id)
            || self.agents.unreachable.contains_key(id)
    }

    /// Refuses a call about an agent that is not there, or is just leaving; says whether it was refused.
    fn refuse_unless_settled(&self, request: RequestId, id: &AgentId, turn: &mut Turn<'_>) -> bool {
        if !self.is_in_registry(id) {
            refuse(request, RejectionKind::BadRequest, "Unknown agent", turn);
        } else if self.agents.marking_gone.contains(id) {
            refuse(request, RejectionKind::Conflict, "Agent is currently being marked gone", turn);
        } else if self.is_leaving(id) {
            let message = format!("Agent '{id}' is being removed or marked unreachable");
            refuse(request, RejectionKind::Unavailable, message, turn);
        } else {
            return false;
        }
        true
    }

    /// Tells whether the registry is being told that an agent is removed or unreachable. What is decided then would
    /// make its row anew.
    fn is_leaving(&self, id: &AgentId) -> bool {
        self.agents.leaving_recovered.contains(id)
            || self.agents.pruning.contains(id)
            || self.agents.registered.get(id).is_some_and(|agent| agent.leaving)
    }
}

/// Refuses a call.
pub(crate) fn refuse(
    request: RequestId,
    kind: RejectionKind,
    message: impl Into<String>,
    turn: &mut Turn<'_>,
) {
    turn.respond(request, Response::Rejected(Rejection { kind, message: message.into() }));
}
