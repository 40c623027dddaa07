//! How long failovers took.

use std::time::{Duration, Instant};

use super::auditor::Auditor;
use super::cluster::Cluster;
use super::say;

/// How long both are waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// From a leader's death on.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    to_offer: Vec<Duration>,
    to_agents: Vec<Duration>,
}

impl Timings {
    /// Watches a failover that began at `death`, while nothing else is wrong.
    pub(crate) fn watch(&mut self, cluster: &Cluster, auditor: &Auditor, death: Instant) {
        let (mut offer, mut agents) = (None, None);
        while (offer.is_none() || agents.is_none()) && death.elapsed() < PATIENCE {
            if offer.is_none() {
                let books = auditor.books();
                let is_new = books.subscribed_at.is_some_and(|subscribed| subscribed > death);
                offer = books.offered_at.filter(|_| is_new).map(|offered| offered - death);
            }
            if agents.is_none() && cluster.leader().is_some_and(|leader| cluster.has_all_agents(leader)) {
                agents = Some(death.elapsed());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.to_offer.extend(offer);
        self.to_agents.extend(agents);
    }

    /// Says what came of it.
    pub(crate) fn report(&mut self) {
        for (what, times) in
            [("the first offer", &mut self.to_offer), ("all agents back", &mut self.to_agents)]
        {
            times.sort();
            if times.is_empty() {
                continue;
            }
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64();
            say(&format!(
                "from a leader's death to {what}: min {:.2} s, p50 {:.2} s, p90 {:.2} s, p99 {:.2} s, max {:.2} s ({} times)",
                at(0),
                at(50),
                at(90),
                at(99),
                at(100),
                times.len()
            ));
        }
    }
}
