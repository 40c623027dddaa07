//! How a kill proceeds: SIGTERM at once, SIGKILL after a grace period that later kills may shorten and never extend.

use std::time::Duration;

/// A kill that is under way. Times are counted from any fixed moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escalation {
    began: Duration,
    deadline: Duration,
}

impl Escalation {
    pub(crate) fn begin(now: Duration, grace: Duration) -> Self {
        Self { began: now, deadline: now.saturating_add(grace) }
    }

    /// Takes another kill. A grace period counts from the first one, so a scheduler that repeats its kill does not
    /// give the task more time.
    pub(crate) fn repeat(&mut self, grace: Duration) {
        self.deadline = self.deadline.min(self.began.saturating_add(grace));
    }

    /// When SIGKILL is due.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grace_period_can_only_shrink_and_counts_from_the_first_kill() {
        let seconds = Duration::from_secs;
        let mut escalation = Escalation::begin(seconds(100), seconds(20));
        escalation.repeat(seconds(30));
        assert_eq!(escalation.deadline(), seconds(120));
        escalation.repeat(seconds(5));
        assert_eq!(escalation.deadline(), seconds(105));
        escalation.repeat(seconds(20));
        assert_eq!(escalation.deadline(), seconds(105));
    }

    #[test]
    fn an_endless_grace_period_does_not_overflow() {
        assert_eq!(Escalation::begin(Duration::from_secs(1), Duration::MAX).deadline(), Duration::MAX);
    }
}
