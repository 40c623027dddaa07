//! What a client refused of an agent, and until when it is not offered again.
//!
//! Two rules work side by side:
//! - Mesos' filter: each refusal withholds, for the time that the framework named, every offer that the refused
//!   resources contain. More than was refused defeats it.
//! - The damper: what was declined or left unused within one allocation interval is withheld for that interval, *all
//!   of it together*. Here offers follow at once upon a decline. Without the damper a scheduler that declines with
//!   zero seconds would be answered at wire speed, and two of them would hand the parts of an agent to each other until
//!   all parts have met.

use std::time::Duration;

use tepui_types::{Resources, Time};

/// How many filters of one client for one agent are kept. Beyond it the one that ends first is dropped.
const MAX_FILTERS: usize = 32;

#[derive(Debug)]
struct Refusal {
    resources: Resources,
    until: Time,
}

/// The refusals of one client for one agent.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    filters: Vec<Refusal>,
    damper: Option<Refusal>,
}

impl Refusals {
    /// Notes that `resources` were refused for a time.
    pub(crate) fn refuse(&mut self, now: Time, resources: &Resources, time: Duration, interval: Duration) {
        self.expire(now);
        let mut damped = self.damper.take().map_or_else(Resources::new, |damper| damper.resources);
        damped += resources;
        self.damper = Some(Refusal { resources: damped, until: now + interval });
        if time <= interval {
            return;
        }
        let until = now + time;
        self.filters.retain(|old| old.until > until || !resources.contains(&old.resources));
        if self.filters.len() == MAX_FILTERS
            && let Some((first, _)) = self.filters.iter().enumerate().min_by_key(|(_, filter)| filter.until)
        {
            self.filters.swap_remove(first);
        }
        self.filters.push(Refusal { resources: resources.clone(), until });
    }

    /// Notes that the client is offered `resources`: with more besides, it gets what it had refused.
    pub(crate) fn offered(&mut self, resources: &Resources) {
        if let Some(damper) = &mut self.damper {
            damper.resources -= resources;
        }
        self.damper = self.damper.take().filter(|damper| !damper.resources.is_empty());
    }

    /// Whether `candidate` is withheld.
    pub(crate) fn block(&self, candidate: &Resources) -> bool {
        self.filters.iter().chain(&self.damper).any(|refusal| refusal.resources.contains(candidate))
    }

    /// Drops what is over.
    pub(crate) fn expire(&mut self, now: Time) {
        self.filters.retain(|filter| filter.until > now);
        self.damper = self.damper.take().filter(|damper| damper.until > now);
    }

    /// When the next one is over; `None` if there are none.
    pub(crate) fn next_end(&self) -> Option<Time> {
        self.filters.iter().chain(&self.damper).map(|refusal| refusal.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn resources(text: &str) -> Resources {
        Resources::parse(text, "*").unwrap()
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + SECOND * u32::try_from(seconds).unwrap()
    }

    #[test]
    fn only_what_was_refused_is_blocked() {
        let mut refusals = Refusals::default();
        refusals.refuse(at(0), &resources("cpus:2;mem:10"), SECOND * 5, SECOND);
        assert!(refusals.block(&resources("cpus:2;mem:10")));
        assert!(refusals.block(&resources("cpus:1")));
        assert!(!refusals.block(&resources("cpus:3;mem:10")));
        assert!(!refusals.block(&resources("disk:1")));
        assert_eq!(refusals.next_end(), Some(at(1)));
        refusals.expire(at(1));
        assert!(refusals.block(&resources("cpus:2;mem:10")));
        refusals.expire(at(5));
        assert!(!refusals.block(&resources("cpus:1")));
        assert_eq!(refusals.next_end(), None);
    }

    #[test]
    fn parts_declined_one_by_one_are_damped_together() {
        let mut refusals = Refusals::default();
        refusals.refuse(at(0), &resources("cpus:1"), Duration::ZERO, SECOND);
        refusals.refuse(at(0), &resources("cpus:3"), Duration::ZERO, SECOND);
        assert!(refusals.block(&resources("cpus:4")));
        assert!(!refusals.block(&resources("cpus:5")));
        refusals.expire(at(1));
        assert!(!refusals.block(&resources("cpus:1")));
    }

    #[test]
    fn what_was_offered_again_is_not_damped_twice() {
        let mut refusals = Refusals::default();
        refusals.refuse(at(0), &resources("cpus:4"), Duration::ZERO, SECOND);
        // Two more were freed, so all six were offered and declined.
        refusals.offered(&resources("cpus:6"));
        assert_eq!(refusals.next_end(), None);
        refusals.refuse(at(0), &resources("cpus:6"), Duration::ZERO, SECOND);
        assert!(refusals.block(&resources("cpus:6")));
        assert!(!refusals.block(&resources("cpus:7")));
    }

    #[test]
    fn filters_have_a_limit() {
        let mut refusals = Refusals::default();
        for number in 1..100 {
            let part = resources(&format!("cpus:{number};mem:{}", 1000 - number));
            refusals.refuse(at(0), &part, SECOND * (number + 1), SECOND);
        }
        assert_eq!(refusals.filters.len(), MAX_FILTERS);
    }
}
