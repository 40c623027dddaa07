//! The agent's alarm clocks: each timer has at most one time, and the earliest is the core's deadline.

use std::collections::{BTreeMap, BTreeSet};

use tepui_types::{ContainerId, FrameworkId, TaskId, Time, Uuid};

use crate::input::StreamId;

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The next attempt to register.
    Register,
    /// The last moment for a ping of the master.
    Ping,
    /// The last moment for the executor of this container to subscribe.
    ExecutorRegistration(ContainerId),
    /// The next request to the old driver in this container to come back.
    ExecutorReconnect(ContainerId),
    /// The last moment for the executor of this container to end by itself.
    ExecutorShutdown(ContainerId),
    /// The next heartbeat on a stream.
    Heartbeat(StreamId),
    /// The next attempt to forward a task's first unacknowledged update.
    Retry(FrameworkId, TaskId),
    /// The next attempt to send the status of an operation.
    OperationRetry(Uuid),
}

/// All timers that run.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Time, Timer)>,
    by_timer: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Starts a timer, or moves it.
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        if let Some(old) = self.by_timer.insert(timer.clone(), at) {
            self.by_time.remove(&(old, timer.clone()));
        }
        self.by_time.insert((at, timer));
    }

    /// Stops a timer, if it runs.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some(at) = self.by_timer.remove(timer) {
            self.by_time.remove(&(at, timer.clone()));
        }
    }

    /// Takes one timer whose time has come.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.by_timer.remove(&timer);
        Some(timer)
    }

    /// The earliest time.
    pub(crate) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Tells whether a timer runs.
    pub(crate) fn runs(&self, timer: &Timer) -> bool {
        self.by_timer.contains_key(timer)
    }

    /// All timers that run.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Timer> {
        self.by_timer.keys()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timer_has_one_time_and_the_earliest_goes_first() {
        let (one, two) = (Time::ZERO + Duration::from_secs(1), Time::ZERO + Duration::from_secs(2));
        let mut timers = Timers::default();
        timers.set(Timer::Register, two);
        timers.set(Timer::Ping, two);
        timers.set(Timer::Register, one);
        assert_eq!(timers.next(), Some(one));
        assert_eq!(timers.pop_due(Time::ZERO), None);
        assert_eq!(timers.pop_due(two), Some(Timer::Register));
        assert_eq!(timers.pop_due(one), None);
        timers.cancel(&Timer::Ping);
        assert_eq!(timers.next(), None);
        assert!(!timers.runs(&Timer::Ping));
    }
}
