//! Marking agents unreachable: those that do not answer, and those that do not come back.

use tepui_proto::v1;
use tepui_types::{AgentId, FewSet, FrameworkId};

use super::remove::TaskFate;
use super::{Silence, Standing};
use crate::change::{AgentRemoval, Change};
use crate::effect::Effect;
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::turn::Turn;

/// A marking that waits for the registry.
#[derive(Debug)]
pub(crate) struct Marking {
    pub(crate) id: AgentId,
    /// What the tasks' statuses will say.
    pub(crate) message: String,
    pub(crate) since: v1::TimeInfo,
}

/// An agent that is marked unreachable.
#[derive(Debug)]
pub(crate) struct UnreachableAgent {
    pub(crate) since: v1::TimeInfo,
    pub(crate) standing: Standing,
    /// The frameworks that may have unreachable tasks there.
    pub(crate) frameworks: FewSet<FrameworkId>,
}

impl Master {
    /// Begins to mark a registered agent unreachable: first in the registry.
    pub(crate) fn mark_unreachable(&mut self, id: &AgentId, message: &str, turn: &mut Turn<'_>) {
        if self.agents.reregistering.contains(id) {
            return;
        }
        let Some(agent) = self.agents.registered.get_mut(id).filter(|agent| !agent.leaving) else { return };
        agent.leaving = true;
        self.store_unreachable(id, message, turn);
    }

    /// The agents of the registry had their time to re-register.
    pub(crate) fn recovered_agents_timeout(&mut self, turn: &mut Turn<'_>) {
        let missing: Vec<AgentId> = self
            .agents
            .recovered
            .keys()
            .filter(|id| !self.agents.reregistering.contains(*id) && !self.agents.marking_gone.contains(*id))
            .cloned()
            .collect();
        if self.too_many_are_missing(turn) {
            return;
        }
        for id in missing {
            self.schedule_unreachable(&id, Silence::Failover, turn);
        }
    }

    /// Gives up leadership rather than many agents at once, if the operator wants to have a look first.
    fn too_many_are_missing(&self, turn: &mut Turn<'_>) -> bool {
        let (missing, all) = (self.agents.recovered.len(), self.agents.recovered_at_first);
        let limit = self.config.recovery_agent_removal_limit;
        #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
        let share = missing as f64 / (all.max(1)) as f64;
        if share <= limit {
            return false;
        }
        let timeout = tepui_types::format_duration(self.config.agent_reregister_timeout);
        let reason = format!(
            "{missing} of the registry's {all} agents ({:.0}%) did not reregister within {timeout} after master \
             failover, and `--recovery_agent_removal_limit` is {:.0}%",
            share * 100.0,
            limit * 100.0
        );
        turn.push(Effect::Abdicate { reason });
        true
    }

    /// Begins to mark an agent of the registry unreachable that this master never saw.
    pub(crate) fn mark_recovered_unreachable(&mut self, id: &AgentId, message: &str, turn: &mut Turn<'_>) {
        self.agents.leaving_recovered.insert(id.clone());
        self.store_unreachable(id, message, turn);
    }

    fn store_unreachable(&mut self, id: &AgentId, message: &str, turn: &mut Turn<'_>) {
        let since = turn.now.wall.to_proto();
        let marking = Marking { id: id.clone(), message: message.to_owned(), since };
        let write = RegistryWrite::MarkUnreachable(self.standing_of(id).unreachable_row(id, since));
        self.store(vec![write], Pending::MarkUnreachable(Box::new(marking)), turn);
    }

    /// The registry holds that an agent is unreachable.
    pub(crate) fn marked_unreachable(&mut self, marking: &Marking, turn: &mut Turn<'_>) {
        let id = &marking.id;
        turn.count("master/slave_removals");
        turn.count("master/slave_removals/reason_unhealthy");
        let frameworks =
            self.agents.registered.get(id).map(|agent| agent.frameworks.clone()).unwrap_or_default();
        let standing = self.standing_of(id);
        let agent = UnreachableAgent { since: marking.since, standing, frameworks };
        self.agents.unreachable.insert(id.clone(), agent);
        self.agents.leaving_recovered.remove(id);
        if self.agents.recovered.remove(id).is_some() {
            turn.count("master/recovery_slave_removals");
            turn.change(Change::AgentRemoved {
                id: id.clone(),
                why: AgentRemoval::Unreachable,
                at: turn.now.wall,
            });
            self.send_agent_lost(id, turn);
            return;
        }
        let state = v1::OperationState::OperationUnreachable;
        self.send_operations_lost(id, state, "Agent was marked unreachable", turn);
        let fate = TaskFate::unreachable(&marking.message, marking.since);
        self.take_agent_off(id, &fate, AgentRemoval::Unreachable, turn);
    }
}
