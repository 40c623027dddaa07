//! Nothing spins: offers follow upon something that happened, so a scheduler that declines everything with zero seconds
//! gets each agent once in an allocation interval; and no core is busy with itself.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::{Change, Counter};
use tepui_proto::v1::scheduler::call::Type;
use tepui_types::{AgentId, FrameworkId, OfferId, Time};

use crate::queue::Host;

/// Offers of an agent to a framework in one of its roles in a second for which nothing need have happened: an agent may
/// be in parts, and a second of ours may touch two intervals. What a framework declines in one role it may be offered
/// in another.
const ALWAYS_ALLOWED: usize = 6;

/// Offers that one REVIVE may bring: again, an agent may be in parts.
const ALLOWED_FOR_REVIVE: usize = 8;

/// Steps of one core in a second.
const MAX_STEPS: usize = 5_000;

/// What happened in the current second.
#[derive(Debug, Default)]
pub(crate) struct NothingSpins {
    second: u64,
    offered: BTreeMap<(FrameworkId, AgentId), usize>,
    /// Resources that became free other than by an offer's end.
    freed: usize,
    /// Offers that ended, by their owners.
    ended: BTreeMap<FrameworkId, usize>,
    revives: BTreeMap<FrameworkId, usize>,
    steps: BTreeMap<Host, usize>,
    /// Of the outstanding offers.
    owners: BTreeMap<OfferId, FrameworkId>,
    /// All that ever got an offer.
    frameworks: BTreeSet<FrameworkId>,
    /// How many roles each has.
    roles: BTreeMap<FrameworkId, usize>,
}

impl NothingSpins {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a change that is not listed frees nothing")]
    pub(crate) fn changed(&mut self, now: Time, change: &Change) {
        self.pass(now);
        match change {
            Change::OfferAdded(offer) => {
                let framework = offer.framework.clone();
                self.owners.insert(offer.id.clone(), framework.clone());
                self.frameworks.insert(framework.clone());
                let key = (framework, offer.agent.clone());
                *self.offered.entry(key.clone()).or_default() += 1;
                self.check(&key);
            }
            Change::OfferRemoved(id) => {
                if let Some(owner) = self.owners.remove(id) {
                    *self.ended.entry(owner).or_default() += 1;
                }
            }
            Change::Counted(Counter::Call(id, Type::Revive)) => {
                *self.revives.entry(id.clone()).or_default() += 1;
            }
            Change::FrameworkAdded(entity) | Change::FrameworkUpdated(entity) => {
                if let Some(id) = &entity.info.id {
                    self.roles.insert(FrameworkId::from(id), entity.info.roles.len());
                }
                self.freed += 1;
            }
            // These frameworks, agents and executors may have had resources, or want some now.
            Change::TaskUpdated { freed: Some(_), .. }
            | Change::TaskRemoved { .. }
            | Change::ExecutorRemoved { .. }
            | Change::AgentAdded(_)
            | Change::AgentUpdated(_) => self.freed += 1,
            _ => {}
        }
    }

    fn check(&self, key: &(FrameworkId, AgentId)) {
        let (framework, agent) = key;
        let offered = self.offered[key];
        let ended: usize =
            self.ended.iter().filter(|(owner, _)| *owner != framework).map(|(_, count)| *count).sum();
        let revives = self.revives.get(framework).copied().unwrap_or_default();
        let roles = |framework: &FrameworkId| self.roles.get(framework).copied().unwrap_or(1).max(1);
        let allowed = ALWAYS_ALLOWED * roles(framework) + self.freed + ended + revives * ALLOWED_FOR_REVIVE;
        assert!(
            offered <= allowed,
            "{framework} got {offered} offers of {agent} in a second, {allowed} at most"
        );

        // Nor may frameworks keep each other busy by handing on what they decline.
        let offered: usize =
            self.offered.iter().filter(|((_, it), _)| it == agent).map(|(_, count)| *count).sum();
        let revives: usize = self.revives.values().sum();
        let each = self.freed + revives * ALLOWED_FOR_REVIVE;
        let allowed: usize = self.frameworks.iter().map(|it| ALWAYS_ALLOWED * roles(it) + each).sum();
        assert!(offered <= allowed, "there were {offered} offers of {agent} in a second, {allowed} at most");
    }

    pub(crate) fn stepped(&mut self, now: Time, host: Host) {
        self.pass(now);
        let count = self.steps.entry(host).or_default();
        *count += 1;
        assert!(*count <= MAX_STEPS, "{host:?} made {count} steps in a second");
    }

    fn pass(&mut self, now: Time) {
        let second = now.saturating_duration_since(Time::ZERO).as_secs();
        if second != self.second {
            *self = Self {
                second,
                owners: std::mem::take(&mut self.owners),
                frameworks: std::mem::take(&mut self.frameworks),
                roles: std::mem::take(&mut self.roles),
                ..Self::default()
            };
        }
    }
}
