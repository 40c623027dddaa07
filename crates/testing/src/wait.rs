//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Asks `condition` until it gives a value.
///
/// # Panics
/// It gave none within 60 seconds: far longer than anything takes, even on a busy machine.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
