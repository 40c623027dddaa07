//! Taking over: what the registry holds.

use std::collections::BTreeMap;

use tepui_allocator::Quota;
use tepui_proto::v1;
use tepui_types::{FewSet, FrameworkId, Scalar, WallTime};

use super::{Master, Pending};
use crate::agent::{Standing, UnreachableAgent};
use crate::change::Change;
use crate::registry::{Registry, RegistryWrite};
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// Reads the registry, after which calls and agents are heard.
    pub(crate) fn recover(&mut self, mut registry: Registry, turn: &mut Turn<'_>) {
        if self.recovered {
            return;
        }
        self.recovered = true;
        self.recovered_at = turn.now.time;
        self.timers.set(Timer::RegistryGc, turn.now.time + self.config.registry_gc_interval);
        turn.change(Change::Elected {
            info: Box::new(self.info.clone()),
            started: self.config.started,
            elected: turn.now.wall,
        });
        self.recover_maintenance(&mut registry, turn);
        for row in registry.agents.values() {
            turn.change(Change::AgentRecovered(Box::new(row.info.clone())));
        }
        self.agents.recovered_at_first = registry.agents.len();
        self.agents.recovered = registry.agents;
        for (id, row) in registry.unreachable {
            let standing = Standing::from(&row);
            let agent = UnreachableAgent { since: row.timestamp, standing, frameworks: FewSet::default() };
            turn.change(Change::AgentUnreachable(id.clone(), WallTime::from_nanos(agent.since.nanoseconds)));
            self.agents.unreachable.insert(id, agent);
        }
        self.agents.gone = registry.gone;
        self.set_weights(registry.weights);
        self.set_quotas(&registry.quotas);
        self.recover_removed_frameworks(registry.frameworks, turn);
        if !self.agents.recovered.is_empty() {
            self.timers.set(Timer::RecoveredAgents, turn.now.time + self.config.agent_reregister_timeout);
        }
    }

    /// Weighs roles as the registry says. One that holds no weights is given those of the flags.
    fn set_weights(&mut self, weights: BTreeMap<String, f64>) {
        let given = if weights.is_empty() {
            self.config.allocator.weights.clone()
        } else {
            weights.into_iter().collect()
        };
        for (role, weight) in given {
            self.allocator.set_weight(&role, weight);
        }
    }

    /// Holds roles to the quotas that the registry has.
    fn set_quotas(&mut self, quotas: &BTreeMap<String, v1::quota::QuotaConfig>) {
        let amounts = |amounts: &BTreeMap<String, v1::value::Scalar>| {
            amounts.iter().map(|(name, amount)| (name.clone(), Scalar::from(amount))).collect()
        };
        for (role, config) in quotas {
            let quota = Quota { guarantees: amounts(&config.guarantees), limits: amounts(&config.limits) };
            self.allocator.set_quota(role, Some(&quota));
        }
    }

    /// Remembers the frameworks that were removed, the latest last, as far as we keep them.
    fn recover_removed_frameworks(
        &mut self,
        frameworks: BTreeMap<FrameworkId, v1::TimeInfo>,
        turn: &mut Turn<'_>,
    ) {
        let mut frameworks: Vec<_> = frameworks.into_iter().collect();
        frameworks.sort_by_key(|(_, at)| at.nanoseconds);
        let forgotten: Vec<RegistryWrite> = frameworks
            .into_iter()
            .filter_map(|(id, _)| self.frameworks.completed.add(id))
            .map(RegistryWrite::ForgetFramework)
            .collect();
        if !forgotten.is_empty() {
            self.store(forgotten, Pending::Nothing, turn);
        }
    }
}
