//! Until when nobody else can lead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A leader's claim to lead, which runs out unless it is renewed; clones share it.
///
/// The clock is the system's monotonic one, which goes on while a process is stopped.
#[derive(Clone, Debug)]
pub struct Lease {
    begun: Instant,
    /// Milliseconds after `begun`; 0 once revoked.
    until: Arc<AtomicU64>,
}

impl Lease {
    /// The lease of one that is alone: it does not run out.
    pub fn endless() -> Self {
        Self { begun: Instant::now(), until: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    pub(crate) fn new(renewal_sent: Instant, time: Duration) -> Self {
        let lease = Self { begun: renewal_sent, until: Arc::new(AtomicU64::new(0)) };
        lease.renew(renewal_sent, time);
        lease
    }

    /// True if nobody else can have been elected by now.
    pub fn is_held(&self) -> bool {
        self.is_held_at(Instant::now())
    }

    fn is_held_at(&self, now: Instant) -> bool {
        millis(now.saturating_duration_since(self.begun)) < self.until.load(Ordering::Acquire)
    }

    /// Counts from when the renewal was *sent*: that is when the server may have begun to count.
    pub(crate) fn renew(&self, sent: Instant, time: Duration) {
        let until = millis(sent.saturating_duration_since(self.begun).saturating_add(time));
        self.until.fetch_max(until, Ordering::AcqRel);
    }

    pub(crate) fn revoke(&self) {
        self.until.store(0, Ordering::Release);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_out_unless_it_is_renewed() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let lease = Lease::new(begun, Duration::from_secs(10));
        assert!(lease.is_held_at(at(9)) && !lease.is_held_at(at(10)));
        lease.renew(at(5), Duration::from_secs(10));
        assert!(lease.is_held_at(at(14)) && !lease.is_held_at(at(15)));
        lease.revoke();
        assert!(!lease.is_held());
        assert!(Lease::endless().is_held_at(at(1_000_000)));
    }
}
