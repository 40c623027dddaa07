//! How long to wait after failures in a row.

use std::time::Duration;

/// Waits that are drawn from an interval which doubles with each failure up to a maximum, so that a thousand clients do
/// not come back to a new master at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
    jitter: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration, seed: u64) -> Self {
        Self { first, max, failures: 0, jitter: fastrand::Rng::with_seed(seed) }
    }

    /// Counts a failure; how long to wait now.
    pub(crate) fn failed(&mut self) -> Duration {
        let bound = self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(self.jitter.f64())
    }

    /// All is well again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures there were in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_maximum_and_start_again_after_a_reset() {
        let mut largest = [Duration::ZERO; 6];
        for seed in 0..500 {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8), seed);
            for (failure, largest) in largest.iter_mut().enumerate() {
                let wait = backoff.failed();
                assert!(wait <= Duration::from_secs([1, 2, 4, 8, 8, 8][failure]));
                *largest = wait.max(*largest);
            }
            backoff.reset();
            assert!(backoff.failed() <= Duration::from_secs(1));
        }
        for (largest, bound) in largest.iter().zip([1, 2, 4, 8, 8, 8]) {
            assert!(*largest > Duration::from_secs(bound) * 9 / 10, "{largest:?} of {bound}");
        }
    }
}
