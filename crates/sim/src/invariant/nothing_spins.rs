//! Nothing spins: a scheduler that declines everything with zero seconds gets few offers in a second, and no core is
//! busy with itself.

use std::collections::BTreeMap;

use tepui_master_core::Change;
use tepui_types::{AgentId, FrameworkId, Time};

use crate::queue::Host;

/// Offers of one agent to one framework in a second. One is the rule; what is freed or revived brings another.
const MAX_OFFERS: usize = 30;

/// Steps of one core in a second.
const MAX_STEPS: usize = 3_000;

/// What happened in the current second.
#[derive(Debug, Default)]
pub(crate) struct NothingSpins {
    second: u64,
    offers: BTreeMap<(FrameworkId, AgentId), usize>,
    steps: BTreeMap<Host, usize>,
}

impl NothingSpins {
    pub(crate) fn changed(&mut self, now: Time, change: &Change) {
        self.pass(now);
        if let Change::OfferAdded(offer) = change {
            let key = (FrameworkId::from(&offer.framework_id), AgentId::from(&offer.agent_id));
            let count = self.offers.entry(key.clone()).or_default();
            *count += 1;
            assert!(*count <= MAX_OFFERS, "{} got {count} offers of {} in a second", key.0, key.1);
        }
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
            self.second = second;
            self.offers.clear();
            self.steps.clear();
        }
    }
}
