//! The times that the core and the view are told.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tepui_types::{Now, Time, WallTime};

/// Reads the machine's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let nanos = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Not zero, so that a timer due at the start is not mistaken for one that was never set.
        Now { time: Time::from_nanos(nanos.max(1)), wall: wall() }
    }

    /// The instant at which the core's `time` is reached.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.start + std::time::Duration::from_nanos(time.as_nanos())
    }
}

/// The wall time.
pub(crate) fn wall() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
