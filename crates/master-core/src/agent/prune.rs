//! Forgetting agents that were lost long ago, so that the registry does not grow for ever.

use std::collections::BTreeMap;

use tepui_proto::v1;
use tepui_types::{AgentId, WallTime};

use super::UnreachableAgent;
use crate::change::Change;
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::timers::Timer;
use crate::turn::Turn;

/// Agents that are being forgotten, and since when they were lost.
#[derive(Debug)]
pub(crate) struct Pruning {
    unreachable: BTreeMap<AgentId, v1::TimeInfo>,
    gone: BTreeMap<AgentId, v1::TimeInfo>,
}

impl Master {
    /// Begins to forget unreachable and gone agents that are too old or too many: first in the registry.
    pub(crate) fn prune(&mut self, turn: &mut Turn<'_>) {
        self.timers.set(Timer::RegistryGc, turn.now.time + self.config.registry_gc_interval);
        // One that is on its way back, or is being marked gone, is not forgotten now.
        let unreachable = self
            .agents
            .unreachable
            .iter()
            .filter(|(id, _)| {
                !self.agents.reregistering.contains(*id) && !self.agents.marking_gone.contains(*id)
            })
            .map(|(id, agent)| (id, agent.since));
        let unreachable = self.old(unreachable, turn.now.wall);
        let gone = self.old(self.agents.gone.iter().map(|(id, since)| (id, *since)), turn.now.wall);
        let ids = unreachable.keys().chain(gone.keys());
        let writes: Vec<RegistryWrite> = ids.cloned().map(RegistryWrite::RemoveAgent).collect();
        if !writes.is_empty() {
            self.agents.pruning.extend(unreachable.keys().cloned());
            self.store(writes, Pending::Prune(Box::new(Pruning { unreachable, gone })), turn);
        }
    }

    /// Those of a list of lost agents that are beyond its bounds: the oldest if they are too many, and all that are too old.
    fn old<'a>(
        &self,
        lost: impl Iterator<Item = (&'a AgentId, v1::TimeInfo)>,
        now: WallTime,
    ) -> BTreeMap<AgentId, v1::TimeInfo> {
        let mut lost: Vec<(&AgentId, v1::TimeInfo)> = lost.collect();
        lost.sort_by_key(|(id, since)| (since.nanoseconds, (*id).clone()));
        let too_many = lost.len().saturating_sub(self.config.registry_max_agent_count);
        let max_age = i64::try_from(self.config.registry_max_agent_age.as_nanos()).unwrap_or(i64::MAX);
        let oldest = now.to_proto().nanoseconds.saturating_sub(max_age);
        lost.into_iter()
            .enumerate()
            .filter(|(at, (_, since))| *at < too_many || since.nanoseconds < oldest)
            .map(|(_, (id, since))| (id.clone(), since))
            .collect()
    }

    /// The registry has forgotten these agents. Those that came back meanwhile are not meant.
    pub(crate) fn pruned(&mut self, pruning: Pruning, turn: &mut Turn<'_>) {
        for (id, since) in pruning.unreachable {
            self.agents.pruning.remove(&id);
            let agent = self.agents.unreachable.get(&id);
            if agent.is_none_or(|agent| agent.since != since) {
                continue;
            }
            let agent: Option<UnreachableAgent> = self.agents.unreachable.remove(&id);
            turn.change(Change::AgentForgotten(id.clone()));
            self.forget_unreachable_tasks_of(&id, agent, turn);
        }
        for (id, since) in pruning.gone {
            if self.agents.gone.get(&id) == Some(&since) {
                self.agents.gone.remove(&id);
            }
        }
    }
}
