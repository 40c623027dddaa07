//! What the registrar did: `registrar/*`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Over how many of the latest values the percentiles are taken.
const WINDOW: usize = 1000;

/// The percentiles that Mesos shows.
const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

/// Counts and times; shared by the registrar, which writes them, and the reader, which shows them.
#[derive(Debug, Default)]
pub(crate) struct RegistrarMetrics(Mutex<Values>);

#[derive(Debug, Default)]
struct Values {
    queued: usize,
    fetches: Times,
    stores: Times,
}

#[derive(Debug, Default)]
struct Times {
    latest: VecDeque<f64>,
}

impl RegistrarMetrics {
    /// More writes wait.
    pub(crate) fn queued(&self, count: usize) {
        self.lock().queued += count;
    }

    /// Writes became durable.
    pub(crate) fn stored(&self, count: usize) {
        let mut values = self.lock();
        values.queued = values.queued.saturating_sub(count);
    }

    /// A term ended, and with it all that waited.
    pub(crate) fn term_ended(&self) {
        self.lock().queued = 0;
    }

    /// A batch was written.
    pub(crate) fn store_took(&self, time: Duration) {
        self.lock().stores.add(time);
    }

    /// The registry was read.
    pub(crate) fn fetch_took(&self, time: Duration) {
        self.lock().fetches.add(time);
    }

    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<(String, f64)> {
        let values = self.lock();
        let queued = f64::from(u32::try_from(values.queued).unwrap_or(u32::MAX));
        let mut list = vec![("registrar/queued_operations".to_owned(), queued)];
        values.fetches.list("registrar/state_fetch_ms", &mut list);
        values.stores.list("registrar/state_store_ms", &mut list);
        list
    }

    /// No code panics between two changes that belong together.
    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    fn add(&mut self, time: Duration) {
        if self.latest.len() == WINDOW {
            self.latest.pop_front();
        }
        self.latest.push_back(time.as_secs_f64() * 1000.0);
    }

    /// Compat: a timer without values is not shown, and one with a single value has no statistics.
    fn list(&self, name: &str, list: &mut Vec<(String, f64)>) {
        let Some(newest) = self.latest.back() else { return };
        list.push((name.to_owned(), *newest));
        let mut sorted: Vec<f64> = self.latest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else { return };
        if sorted.len() < 2 {
            return;
        }
        let count = f64::from(u32::try_from(sorted.len()).unwrap_or(u32::MAX));
        for (suffix, value) in [("count", count), ("max", *max), ("min", *min)] {
            list.push((format!("{name}/{suffix}"), value));
        }
        for (suffix, share) in PERCENTILES {
            list.push((format!("{name}/{suffix}"), percentile(&sorted, share)));
        }
    }
}

/// Interpolates between the two values around a share of a sorted list of at least one.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the window is small")]
    let position = share * (sorted.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is an index")]
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    low + (high - low) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_statistics_of_mesos() {
        let metrics = RegistrarMetrics::default();
        metrics.queued(3);
        metrics.stored(1);
        (1..=5).for_each(|ms| metrics.store_took(Duration::from_millis(ms)));
        let value = |name: &str| {
            let list = metrics.list();
            list.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
        };
        assert_eq!(value("registrar/queued_operations"), Some(2.0));
        assert_eq!(value("registrar/state_store_ms"), Some(5.0));
        assert_eq!(value("registrar/state_store_ms/count"), Some(5.0));
        assert_eq!(value("registrar/state_store_ms/p50"), Some(3.0));
        assert_eq!(value("registrar/state_store_ms/max"), Some(5.0));
        assert_eq!(value("registrar/state_fetch_ms"), None);
        metrics.term_ended();
        assert_eq!(value("registrar/queued_operations"), Some(0.0));
    }
}
