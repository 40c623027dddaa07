//! `DRAIN_AGENT`: an agent ends its tasks and gets no more; when it has none, it is *drained*, or marked gone.
//!
//! What operators decide about an agent goes with it (`agent/standing.rs`): it holds for one that is awaited or
//! unreachable, too, and is told to it when it comes back.

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::{DrainConfig, DrainInfo, DrainState, master};
use tepui_proto::{internal, v1};
use tepui_types::AgentId;

use super::refuse;
use crate::agent::Standing;
use crate::effect::{RejectionKind, Response};
use crate::input::RequestId;
use crate::master::{Master, Pending};
use crate::turn::Turn;

/// What was decided, and who waits for it to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// `DEACTIVATE_AGENT`.
    Deactivate(RequestId),
    /// `REACTIVATE_AGENT`.
    Reactivate(RequestId),
    /// `DRAIN_AGENT`.
    Drain(RequestId),
    /// A draining agent has no tasks and operations left.
    Drained,
}

impl Master {
    /// Drains an agent: first in the registry.
    pub(super) fn drain_agent_call(
        &mut self,
        request: RequestId,
        call: &master::call::DrainAgent,
        turn: &mut Turn<'_>,
    ) {
        let id = AgentId::from(&call.agent_id);
        let agent = self.agents.registered.get(&id);
        if let Some(machine) = agent.and_then(|agent| self.maintenance.machine(agent)) {
            let (hostname, ip) = (machine.hostname(), machine.ip());
            let message =
                format!("Agent {id} is part of a maintenance schedule under Machine {hostname} ({ip})");
            return refuse(request, RejectionKind::BadRequest, message, turn);
        }
        if agent.is_some_and(|agent| !agent.capabilities.has(AgentCapability::AgentDraining)) {
            let message = format!("Agent {id} is not capable of draining");
            return refuse(request, RejectionKind::BadRequest, message, turn);
        }
        if self.refuse_unless_settled(request, &id, turn) {
            return;
        }
        let max_grace_period = call.max_grace_period.map(|period| v1::DurationInfo {
            nanoseconds: period.seconds.saturating_mul(1_000_000_000).saturating_add(period.nanos.into()),
        });
        let config = DrainConfig { max_grace_period, mark_gone: Some(call.mark_gone()) };
        let drain = DrainInfo { state: DrainState::Draining as i32, config };
        let decide = |standing: &mut Standing| {
            *standing = Standing { drain: Some(drain), deactivated: true };
        };
        self.decide(&id, decide, Decision::Drain(request), turn);
    }

    /// Changes what was decided about an agent that is there, and makes the registry hold it.
    pub(crate) fn decide(
        &mut self,
        id: &AgentId,
        change: impl FnOnce(&mut Standing),
        decision: Decision,
        turn: &mut Turn<'_>,
    ) {
        if let Some(write) = self.change_standing(id, change) {
            self.store(vec![write], Pending::Decide(id.clone(), decision), turn);
        }
    }

    /// The registry holds what was decided about an agent.
    pub(crate) fn decided(&mut self, id: &AgentId, decision: Decision, turn: &mut Turn<'_>) {
        match decision {
            Decision::Deactivate(request) => {
                self.deactivate_agent(id, turn);
                turn.respond(request, Response::Ok);
            }
            Decision::Reactivate(request) => self.reactivated(request, id, turn),
            Decision::Drain(request) => {
                if let Some(agent) = self.agents.registered.get_mut(id) {
                    agent.drain_started = Some(turn.now.wall);
                }
                self.deactivate_agent(id, turn);
                self.tell_of_drain(id, turn);
                self.end_drain(id, turn);
                turn.respond(request, Response::Ok);
            }
            Decision::Drained => self.publish_agent(id, turn),
        }
    }

    /// Tells an agent that it is drained, if it is.
    pub(crate) fn tell_of_drain(&self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        if let Some(drain) = agent.standing.drain {
            turn.send(&agent.pid, internal::DrainSlaveMessage { config: drain.config });
        }
    }

    /// Ends the drain of an agent that has no more tasks and operations.
    pub(crate) fn end_drain(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let Some(drain) = agent.standing.drain.filter(|drain| drain.state() == DrainState::Draining) else {
            return;
        };
        let is_busy = !agent.tasks.is_empty() || self.operations.of_agent(id).next().is_some();
        // What a disconnected agent still runs is not known before it comes back.
        if is_busy || agent.leaving || !agent.connected {
            return;
        }
        if drain.config.mark_gone() {
            self.begin_marking_gone(id, None, turn);
            return;
        }
        let decide = |standing: &mut Standing| {
            standing.drain = Some(DrainInfo { state: DrainState::Drained as i32, ..drain });
        };
        self.decide(id, decide, Decision::Drained, turn);
    }
}
