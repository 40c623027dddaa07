//! Limits of how often frameworks may call, by their principals.
//!
//! - `limits.rs`: what `--rate_limits` says; `limiter.rs`: the queue of one principal; `admit.rs`: what the master does.
//!
//! A call over the rate waits behind those before it; one that finds the queue full is refused. Frameworks are known by
//! what they subscribed as, so who is not registered is not limited.

mod admit;
mod limiter;
mod limits;

use std::collections::BTreeMap;

use limiter::Limiter;
use limits::Limit;

pub(crate) use admit::Waiting;
pub use limits::{RateLimits, RateLimitsError};

/// Whose limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Limited {
    /// The frameworks of a principal that has a limit of its own.
    Principal(String),
    /// All frameworks without a principal, or of one that is not named.
    Others,
}

/// The queues of all limits.
#[derive(Debug)]
pub(crate) struct Limiters {
    limits: RateLimits,
    queues: BTreeMap<Limited, Limiter<Waiting>>,
}

impl Limiters {
    /// Nobody has called yet.
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, queues: BTreeMap::new() }
    }

    /// Whose limit holds for a framework of this principal, if any.
    fn of(&self, principal: Option<&str>) -> Option<(Limited, Limit)> {
        let named = principal.and_then(|principal| Some((principal, self.limits.principals.get(principal)?)));
        match named {
            Some((principal, limit)) => Some((Limited::Principal(principal.to_owned()), (*limit)?)),
            None => Some((Limited::Others, self.limits.others?)),
        }
    }

    /// The limits for which something waits. For checks.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Limited> {
        self.queues.iter().filter(|(_, queue)| queue.next_due().is_some()).map(|(limited, _)| limited)
    }
}
