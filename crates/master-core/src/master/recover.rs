//! Taking over: what the registry holds.

use std::collections::BTreeSet;

use tepui_types::AgentId;

use super::Master;
use crate::agent::UnreachableAgent;
use crate::change::Change;
use crate::input::Registry;
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// Reads the registry, after which calls and agents are heard.
    pub(crate) fn recover(&mut self, registry: Registry, turn: &mut Turn<'_>) {
        if self.recovered {
            return;
        }
        self.recovered = true;
        turn.change(Change::Elected {
            info: Box::new(self.info.clone()),
            started: self.config.started,
            elected: turn.now.wall,
        });
        for info in registry.agents {
            let Some(id) = info.id.as_ref().map(AgentId::from) else { continue };
            turn.change(Change::AgentRecovered(Box::new(info.clone())));
            self.agents.recovered.insert(id, info);
        }
        for (id, since) in registry.unreachable {
            let agent = UnreachableAgent { since, frameworks: BTreeSet::new() };
            self.agents.unreachable.insert(AgentId::from(id), agent);
        }
        self.agents.gone.extend(registry.gone.into_iter().map(|(id, since)| (AgentId::from(id), since)));
        if !self.agents.recovered.is_empty() {
            self.timers.set(Timer::RecoveredAgents, turn.now.time + self.config.agent_reregister_timeout);
        }
    }
}
