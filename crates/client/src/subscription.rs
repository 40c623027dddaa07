//! When to subscribe, where, when to give a subscription up, and when to try again: no sockets, no clock.
//!
//! The caller asks [`Subscription::next`] what to do, does it, and tells what came of it. Time is counted from a
//! moment of the caller's choice. After a failure there is a wait with jitter ([`Backoff`]).
//!
//! **Listed masters** are asked in turn; only when the last of them failed there is a wait. A redirection leads to
//! another address for as long as subscribing there works; after a failure the list is asked again, because the leader
//! may have changed.
//!
//! **A group of masters** tells who leads ([`Subscription::detected`]). Nobody else is asked: a redirection means that
//! the leader is not aware of its election yet, or has lost it. When another leads, or nobody, the subscription is over.
//!
//! A leader that promised heartbeats and has missed five is considered lost.

use std::time::Duration;

use crate::Address;
use crate::backoff::Backoff;

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

/// Who can be asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Candidates {
    /// These; not empty.
    Listed(Vec<Address>),
    /// Whoever leads a group.
    Detected,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Connect there and subscribe.
    Subscribe(Address),
    /// Nothing until then.
    Wait(Duration),
    /// Nothing until a leader is detected, until then at most.
    Detect(Option<Duration>),
    /// Read the next event, until then at most.
    Listen(Option<Duration>),
    /// Nothing ever again.
    GiveUp,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    policy: Policy,
    candidates: Candidates,
    /// Who is asked next; nobody while no leader of the group is known.
    target: Option<Address>,
    /// The position of the listed master that is asked, or that redirected.
    asked: usize,
    state: State,
    backoff: Backoff,
    redirects: u32,
    /// When the client was last subscribed, or began.
    last_subscribed: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Unsubscribed { retry_at: Duration },
    Subscribed { heartbeat: Option<Duration>, heard_at: Duration },
}

impl Subscription {
    pub(crate) fn new(now: Duration, candidates: Candidates, policy: Policy, seed: u64) -> Self {
        let mut subscription = Self {
            backoff: Backoff::new(policy.backoff, policy.max_backoff, seed),
            policy,
            candidates,
            target: None,
            asked: 0,
            state: State::Unsubscribed { retry_at: now },
            redirects: 0,
            last_subscribed: now,
        };
        subscription.aim();
        subscription
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
                // However short its patience, a client tries once if there is whom to ask.
                let has_tried = self.backoff.failures() > 0 || self.target.is_none();
                if has_tried && end.is_some_and(|end| now >= end) {
                    return Step::GiveUp;
                }
                match &self.target {
                    None => Step::Detect(end),
                    Some(target) if now >= retry_at => Step::Subscribe(target.clone()),
                    Some(_) => Step::Wait(end.map_or(retry_at, |end| retry_at.min(end))),
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
            self.backoff.reset();
            *heard_at = now;
            if promised.is_some_and(|interval| !interval.is_zero()) {
                *heartbeat = promised;
            }
        }
    }

    /// Another address is to be asked.
    pub(crate) fn redirected(&mut self, now: Duration, leader: Option<Address>) {
        self.redirects += 1;
        match (&self.candidates, leader) {
            (Candidates::Listed(_), Some(leader)) if self.redirects <= MAX_REDIRECTS => {
                self.target = Some(leader);
            }
            (Candidates::Listed(_) | Candidates::Detected, _) => self.lost(now),
        }
    }

    /// The group has another leader, or none.
    pub(crate) fn detected(&mut self, now: Duration, leader: Option<Address>) {
        if self.is_subscribed() {
            self.last_subscribed = now;
        }
        self.redirects = 0;
        self.target = leader;
        // It may have failed before it led. The wait, though short, keeps a thousand clients apart.
        self.backoff.reset();
        self.state = State::Unsubscribed { retry_at: now.saturating_add(self.backoff.failed()) };
        self.backoff.reset();
    }

    /// The subscription, or the attempt to make one, failed in a way that may pass.
    pub(crate) fn lost(&mut self, now: Duration) {
        let mut has_next = false;
        if self.is_subscribed() {
            self.last_subscribed = now;
            self.asked = 0;
        } else if let Candidates::Listed(listed) = &self.candidates {
            self.asked = (self.asked + 1) % listed.len();
            has_next = self.asked != 0;
        }
        self.redirects = 0;
        self.aim();
        let wait = if has_next { Duration::ZERO } else { self.backoff.failed() };
        self.state = State::Unsubscribed { retry_at: now.saturating_add(wait) };
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        matches!(self.state, State::Subscribed { .. })
    }

    /// Aims at the listed master whose turn it is. The leader of a group remains the target until another is detected.
    fn aim(&mut self) {
        if let Candidates::Listed(listed) = &self.candidates {
            self.target = listed.get(self.asked).cloned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script: `<seconds> <what happened>` per line, and writes what is to be done after each.
    fn check(give_up_after: Option<u64>, script: &str, expected: &str) {
        check_candidates(listed("m:1"), give_up_after, script, expected);
    }

    fn listed(text: &str) -> Candidates {
        Candidates::Listed(text.split(',').map(|address| address.parse().unwrap()).collect())
    }

    fn check_candidates(candidates: Candidates, give_up_after: Option<u64>, script: &str, expected: &str) {
        let policy = Policy {
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(8),
            give_up_after: give_up_after.map(Duration::from_secs),
        };
        let mut subscription = Subscription::new(Duration::ZERO, candidates, policy, 7);
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
                ("detected", leader) => subscription.detected(now, leader.parse().ok()),
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
            // How long is tested in `backoff`.
            Step::Wait(_) => "wait".to_owned(),
            Step::Detect(None) => "detect".to_owned(),
            Step::Detect(Some(until)) => format!("detect until {}", until.as_secs()),
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
    fn listed_masters_are_asked_in_turn_and_waited_for_after_the_last() {
        check_candidates(
            listed("a:1,b:1,c:1"),
            None,
            "0 lost
             0 redirected leader:2
             0 lost
             0 lost
             9 tick
             9 accepted
             9 event
             20 lost
             29 tick",
            "0 subscribe at a:1
             0 lost: subscribe at b:1
             0 redirected leader:2: subscribe at leader:2
             0 lost: subscribe at c:1
             0 lost: wait
             9 tick: subscribe at a:1
             9 accepted: listen
             9 event: listen
             20 lost: wait
             29 tick: subscribe at a:1",
        );
    }

    #[test]
    fn a_detected_leader_is_followed() {
        check_candidates(
            Candidates::Detected,
            None,
            "0 detected a:1
             2 tick
             2 accepted
             2 subscribed 15
             5 detected b:1
             7 tick
             7 accepted
             7 event
             8 lost
             10 tick
             10 detected
             11 detected b:1
             13 tick",
            "0 detect
             0 detected a:1: wait
             2 tick: subscribe at a:1
             2 accepted: listen
             2 subscribed 15: listen until 77
             5 detected b:1: wait
             7 tick: subscribe at b:1
             7 accepted: listen
             7 event: listen
             8 lost: wait
             10 tick: subscribe at b:1
             10 detected: detect
             11 detected b:1: wait
             13 tick: subscribe at b:1",
        );
    }

    #[test]
    fn a_detected_leader_s_redirection_is_not_followed() {
        check_candidates(
            Candidates::Detected,
            None,
            "0 detected a:1
             2 redirected b:1
             9 tick",
            "0 detect
             0 detected a:1: wait
             2 redirected b:1: wait
             9 tick: subscribe at a:1",
        );
    }

    #[test]
    fn patience_counts_while_there_is_no_leader() {
        check_candidates(
            Candidates::Detected,
            Some(10),
            "9 tick
             10 tick",
            "0 detect until 10
             9 tick: detect until 10
             10 tick: give up",
        );
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
