//! The points in time at which the master wants to be woken.

use std::collections::BTreeSet;

use tepui_types::{AgentId, FrameworkId, Table, Time};

use crate::offer::OfferNumber;
use crate::rate_limit::Limited;

/// What a timer is for. There is at most one timer for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// The next heartbeat on a framework's event stream.
    Heartbeat(FrameworkId),
    /// The end of a disconnected framework's time to come back.
    Failover(FrameworkId),
    /// What is next to be done about a framework that does not read.
    SlowReader(FrameworkId),
    /// The next ping of an agent, and the end of its time to answer the last one.
    Ping(AgentId),
    /// The end of a disconnected agent's time to re-register.
    Reregister(AgentId),
    /// The end of the time that the agents of the registry have to re-register.
    RecoveredAgents,
    /// The next call that waits because of a rate limit.
    RateLimit(Limited),
    /// The next agent that waits to be marked unreachable may be.
    AgentRemoval,
    /// The next time that agents are forgotten that were lost long ago.
    RegistryGc,
    /// The end of an unused offer.
    Offer(OfferNumber),
    /// The end of an inverse offer that nobody answers.
    InverseOffer(OfferNumber),
}

/// All timers, by what they are for and by time.
#[derive(Debug)]
pub(crate) struct Timers {
    due: Table<Timer, Time>,
    order: BTreeSet<(Time, Timer)>,
}

impl Timers {
    /// No timers yet.
    pub(crate) fn new(hash_seed: u64) -> Self {
        Self { due: Table::new(hash_seed), order: BTreeSet::new() }
    }

    /// Sets or moves a timer.
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.cancel(&timer);
        self.due.insert(timer.clone(), at);
        self.order.insert((at, timer));
    }

    /// Removes a timer, if it is set.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some(at) = self.due.remove(timer) {
            self.order.remove(&(at, timer.clone()));
        }
    }

    /// Tells whether a timer is set.
    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.due.contains_key(timer)
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the next timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.order.pop_first()?;
        self.due.remove(&timer);
        Some(timer)
    }

    /// All timers that are set.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.due.keys()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timer_that_is_moved_fires_once() {
        let mut timers = Timers::new(7);
        let second = |n| Time::ZERO + Duration::from_secs(n);
        timers.set(Timer::RecoveredAgents, second(1));
        timers.set(Timer::RecoveredAgents, second(3));
        timers.set(Timer::Offer(1), second(2));
        assert_eq!(timers.next(), Some(second(2)));
        assert_eq!(timers.pop(second(1)), None);
        assert_eq!(timers.pop(second(3)), Some(Timer::Offer(1)));
        assert_eq!(timers.pop(second(3)), Some(Timer::RecoveredAgents));
        assert_eq!(timers.next(), None);
    }
}
