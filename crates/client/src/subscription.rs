//! When to subscribe, when to give a subscription up, and when to try again: no sockets, no clock.
//!
//! The caller asks [`Subscription::next`] what to do, does it, and tells what came of it. Time is counted from a
//! moment of the caller's choice. After a failure the wait is drawn from an interval that doubles with each failure in
//! a row up to a maximum, so that a thousand schedulers do not come back to a new master at once.
//!
//! A redirection leads to another address for as long as subscribing there works; after a failure the configured
//! address is asked again, because the leader may have changed. A leader that promised heartbeats and has missed five
//! is considered lost.

use std::time::Duration;

use crate::Address;

/// How many heartbeats in a row may be missing.
const MISSED_HEARTBEATS: u32 = 5;

/// How many redirections are followed before the chain counts as a failure: masters may point at each other while
/// they elect a leader.
const MAX_REDIRECTS: u32 = 5;

/// How hard a client tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Policy {
    /// The upper bound of the wait after the first failure.
    pub(crate) backoff: Duration,
    /// The largest upper bound.
    pub(crate) max_backoff: Duration,
    /// How long a client may be unsubscribed before it gives up.
    pub(crate) give_up_after: Option<Duration>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Connect there and subscribe.
    Subscribe(Address),
    /// Nothing until then.
    Wait(Duration),
    /// Read the next event, until then at most.
    Listen(Option<Duration>),
    /// Nothing ever again.
    GiveUp,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    policy: Policy,
    configured: Address,
    target: Address,
    state: State,
    failures: u32,
    redirects: u32,
    /// When the client was last subscribed, or began.
    last_subscribed: Duration,
    jitter: fastrand::Rng,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Unsubscribed { retry_at: Duration },
    Subscribed { heartbeat: Option<Duration>, heard_at: Duration },
}

impl Subscription {
    pub(crate) fn new(now: Duration, configured: Address, policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            target: configured.clone(),
            configured,
            state: State::Unsubscribed { retry_at: now },
            failures: 0,
            redirects: 0,
            last_subscribed: now,
            jitter: fastrand::Rng::with_seed(seed),
        }
    }

    /// What to do at `now`.
    pub(crate) fn next(&self, now: Duration) -> Step {
        match self.state {
            State::Subscribed { heartbeat, heard_at } => {
                Step::Listen(heartbeat.map(|interval| heard_at.saturating_add(interval * MISSED_HEARTBEATS)))
            }
            State::Unsubscribed { retry_at } => {
                let end =
                    self.policy.give_up_after.map(|patience| self.last_subscribed.saturating_add(patience));
                if self.failures > 0 && end.is_some_and(|end| now >= end) {
                    Step::GiveUp
                } else if now >= retry_at {
                    Step::Subscribe(self.target.clone())
                } else {
                    Step::Wait(end.map_or(retry_at, |end| retry_at.min(end)))
                }
            }
        }
    }

    /// The call to subscribe was accepted.
    pub(crate) fn accepted(&mut self, now: Duration) {
        self.redirects = 0;
        self.state = State::Subscribed { heartbeat: None, heard_at: now };
    }

    /// An event came; SUBSCRIBED tells how often heartbeats will.
    pub(crate) fn heard(&mut self, now: Duration, promised: Option<Duration>) {
        if let State::Subscribed { heartbeat, heard_at } = &mut self.state {
            // Only a stream that carries events shows that all is well: a master that accepts and closes does not.
            self.failures = 0;
            *heard_at = now;
            if promised.is_some_and(|interval| !interval.is_zero()) {
                *heartbeat = promised;
            }
        }
    }

    /// Another address is to be asked.
    pub(crate) fn redirected(&mut self, now: Duration, leader: Option<Address>) {
        self.redirects += 1;
        match leader {
            Some(leader) if self.redirects <= MAX_REDIRECTS => self.target = leader,
            Some(_) | None => self.lost(now),
        }
    }

    /// The subscription, or the attempt to make one, failed in a way that may pass.
    pub(crate) fn lost(&mut self, now: Duration) {
        if matches!(self.state, State::Subscribed { .. }) {
            self.last_subscribed = now;
        }
        let bound = self
            .policy
            .backoff
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.policy.max_backoff);
        self.failures = self.failures.saturating_add(1);
        self.redirects = 0;
        self.target = self.configured.clone();
        self.state = State::Unsubscribed { retry_at: now.saturating_add(bound.mul_f64(self.jitter.f64())) };
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        matches!(self.state, State::Subscribed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script: `<seconds> <what happened>` per line, and writes what is to be done after each.
    fn check(give_up_after: Option<u64>, script: &str, expected: &str) {
        let policy = Policy {
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(8),
            give_up_after: give_up_after.map(Duration::from_secs),
        };
        let mut subscription = Subscription::new(Duration::ZERO, "m:1".parse().unwrap(), policy, 7);
        let mut shown = format!("0 {}\n", show(&subscription.next(Duration::ZERO)));
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (seconds, what) = line.split_once(' ').unwrap();
            let now = Duration::from_secs(seconds.parse().unwrap());
            match what.split_once(' ').unwrap_or((what, "")) {
                ("accepted", _) => subscription.accepted(now),
                ("subscribed", interval) => {
                    subscription.heard(now, Some(Duration::from_secs(interval.parse().unwrap())));
                }
                ("event", _) => subscription.heard(now, None),
                ("redirected", leader) => subscription.redirected(now, leader.parse().ok()),
                ("lost", _) => subscription.lost(now),
                ("tick", _) => {}
                (unknown, _) => panic!("{unknown}"),
            }
            shown += &[line, ": ", &show(&subscription.next(now)), "\n"].concat();
        }
        let expected: String = expected
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .fold(String::new(), |text, line| text + line + "\n");
        assert_eq!(shown, expected);
    }

    fn show(step: &Step) -> String {
        match step {
            Step::Subscribe(address) => format!("subscribe at {address}"),
            // The bounds of the draw are tested below.
            Step::Wait(_) => "wait".to_owned(),
            Step::Listen(None) => "listen".to_owned(),
            Step::Listen(Some(until)) => format!("listen until {}", until.as_secs()),
            Step::GiveUp => "give up".to_owned(),
        }
    }

    #[test]
    fn five_missed_heartbeats_are_the_limit() {
        check(
            None,
            "0 accepted
             0 subscribed 15
             10 event
             85 lost",
            "0 subscribe at m:1
             0 accepted: listen
             0 subscribed 15: listen until 75
             10 event: listen until 85
             85 lost: wait",
        );
    }

    #[test]
    fn a_redirection_leads_to_the_leader_until_it_fails() {
        check(
            None,
            "0 redirected leader:2
             0 accepted
             1 event
             2 lost
             3 tick",
            "0 subscribe at m:1
             0 redirected leader:2: subscribe at leader:2
             0 accepted: listen
             1 event: listen
             2 lost: wait
             3 tick: subscribe at m:1",
        );
    }

    #[test]
    fn masters_that_point_at_each_other_are_not_asked_forever() {
        check(
            None,
            "0 redirected a:1
             0 redirected b:1
             0 redirected a:1
             0 redirected b:1
             0 redirected a:1
             0 redirected b:1
             9 tick
             9 redirected nonsense",
            "0 subscribe at m:1
             0 redirected a:1: subscribe at a:1
             0 redirected b:1: subscribe at b:1
             0 redirected a:1: subscribe at a:1
             0 redirected b:1: subscribe at b:1
             0 redirected a:1: subscribe at a:1
             0 redirected b:1: wait
             9 tick: subscribe at m:1
             9 redirected nonsense: wait",
        );
    }

    #[test]
    fn waits_grow_to_a_maximum_and_start_again_after_an_event() {
        let policy = Policy {
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(8),
            give_up_after: None,
        };
        let mut largest = [Duration::ZERO; 6];
        for seed in 0..500 {
            let mut subscription = Subscription::new(Duration::ZERO, "m:1".parse().unwrap(), policy, seed);
            for (failure, largest) in largest.iter_mut().enumerate() {
                subscription.lost(Duration::ZERO);
                let step = subscription.next(Duration::ZERO);
                let Step::Wait(wait) = step else { panic!("{step:?}") };
                assert!(wait <= Duration::from_secs([1, 2, 4, 8, 8, 8][failure]));
                *largest = wait.max(*largest);
            }
            subscription.accepted(Duration::ZERO);
            subscription.heard(Duration::ZERO, None);
            subscription.lost(Duration::ZERO);
            assert!(
                matches!(subscription.next(Duration::ZERO), Step::Wait(wait) if wait <= Duration::from_secs(1))
            );
        }
        for (largest, bound) in largest.iter().zip([1, 2, 4, 8, 8, 8]) {
            assert!(*largest > Duration::from_secs(bound) * 9 / 10, "{largest:?} of {bound}");
        }
    }

    #[test]
    fn an_executor_gives_up_after_the_recovery_timeout() {
        check(
            Some(10),
            "0 accepted
             5 event
             20 lost
             22 lost
             29 tick
             31 tick",
            "0 subscribe at m:1
             0 accepted: listen
             5 event: listen
             20 lost: wait
             22 lost: wait
             29 tick: subscribe at m:1
             31 tick: give up",
        );
    }

    #[test]
    fn without_patience_the_first_loss_is_the_end() {
        check(
            Some(0),
            "0 accepted
             5 lost",
            "0 subscribe at m:1
             0 accepted: listen
             5 lost: give up",
        );
    }
}
