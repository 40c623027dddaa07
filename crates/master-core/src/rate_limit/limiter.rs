//! The queue of one limit.

use std::collections::VecDeque;

use tepui_types::Time;

use super::limits::Limit;

/// How many calls may wait where no capacity is set.
const MAX_WAITING: u64 = 10_000;

/// How much may wait, whatever the capacity. A call is some kilobytes.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Lets one thing pass in each interval, in order.
#[derive(Debug)]
pub(super) struct Limiter<T> {
    limit: Limit,
    /// When the next may pass.
    next: Time,
    /// With their sizes.
    waiting: VecDeque<(T, usize)>,
    waiting_bytes: usize,
}

/// What becomes of something that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission<T> {
    /// It passes at once.
    Passes(T),
    /// It waits.
    Waits,
    /// There is no room for it: this many wait already, or as much as may.
    Refused(T, u64),
}

impl<T> Limiter<T> {
    pub(super) fn new(limit: Limit) -> Self {
        Self { limit, next: Time::ZERO, waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    /// Takes something that comes now. `size` is only asked if it must wait.
    pub(super) fn admit(&mut self, now: Time, item: T, size: impl FnOnce(&T) -> usize) -> Admission<T> {
        let capacity = self.limit.capacity.unwrap_or(MAX_WAITING);
        if self.waiting.len() as u64 >= capacity {
            return Admission::Refused(item, capacity);
        }
        if self.waiting.is_empty() && self.next <= now {
            self.next = now + self.limit.interval;
            return Admission::Passes(item);
        }
        let size = size(&item);
        // One thing may wait even if it alone is too much: else it could never pass.
        if !self.waiting.is_empty() && self.waiting_bytes.saturating_add(size) > MAX_WAITING_BYTES {
            return Admission::Refused(item, self.waiting.len() as u64);
        }
        self.waiting_bytes += size;
        self.waiting.push_back((item, size));
        Admission::Waits
    }

    /// Lets something wait that has no size and is never refused.
    pub(super) fn append(&mut self, item: T) {
        self.waiting.push_back((item, 0));
    }

    /// The next that may pass now.
    pub(super) fn pass(&mut self, now: Time) -> Option<T> {
        if self.next > now {
            return None;
        }
        let (item, size) = self.waiting.pop_front()?;
        self.waiting_bytes -= size;
        self.next += self.limit.interval;
        Some(item)
    }

    /// When something that waits may pass.
    pub(super) fn next_due(&self) -> Option<Time> {
        (!self.waiting.is_empty()).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    fn limiter(capacity: Option<u64>) -> Limiter<u64> {
        Limiter::new(Limit { interval: Duration::from_secs(1), capacity })
    }

    #[test]
    fn one_passes_in_each_interval_in_order() {
        let mut limiter = limiter(None);
        assert_eq!(limiter.admit(at(10), 1, |_| 0), Admission::Passes(1));
        assert_eq!(limiter.admit(at(10), 2, |_| 0), Admission::Waits);
        assert_eq!(limiter.next_due(), Some(at(11)));
        // The time has come, but another one waits.
        assert_eq!(limiter.admit(at(11), 3, |_| 0), Admission::Waits);
        assert_eq!((limiter.pass(at(11)), limiter.pass(at(11))), (Some(2), None));
        assert_eq!(limiter.pass(at(12)), Some(3));
        assert_eq!(limiter.next_due(), None);
        assert_eq!(limiter.admit(at(20), 4, |_| 0), Admission::Passes(4));
    }

    #[test]
    fn what_finds_no_room_is_refused() {
        let mut limiter = limiter(Some(1));
        assert_eq!(limiter.admit(at(1), 1, |_| 0), Admission::Passes(1));
        assert_eq!(limiter.admit(at(1), 2, |_| 0), Admission::Waits);
        assert_eq!(limiter.admit(at(1), 3, |_| 0), Admission::Refused(3, 1));
        limiter.append(4);
        assert_eq!((limiter.pass(at(2)), limiter.pass(at(3))), (Some(2), Some(4)));
        assert_eq!(self::limiter(Some(0)).admit(at(1), 1, |_| 0), Admission::Refused(1, 0));
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let mut limiter = limiter(None);
        assert_eq!(limiter.admit(at(1), 1, |_| MAX_WAITING_BYTES), Admission::Passes(1));
        assert_eq!(limiter.admit(at(1), 2, |_| 2 * MAX_WAITING_BYTES), Admission::Waits);
        assert_eq!(limiter.admit(at(1), 3, |_| 1), Admission::Refused(3, 1));
        assert_eq!(limiter.pass(at(2)), Some(2));
        assert_eq!(limiter.admit(at(2), 4, |_| 1), Admission::Waits);
    }
}
