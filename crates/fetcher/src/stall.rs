//! Ends a fetch that does not get on: a server may accept a connection and then say nothing for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Counts the steps forward.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Something came.
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Watches until it is dropped.
#[derive(Debug)]
pub(crate) struct StallWatch {
    _alive: Sender<()>,
}

impl StallWatch {
    /// Calls `stalled` on a thread of its own if nothing is noted for `timeout`.
    pub(crate) fn start(
        progress: &Progress,
        timeout: Duration,
        stalled: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (alive, ended) = channel::<()>();
        let progress = progress.clone();
        std::thread::spawn(move || {
            let mut seen = progress.0.load(Ordering::Relaxed);
            loop {
                match ended.recv_timeout(timeout) {
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {}
                }
                let now = progress.0.load(Ordering::Relaxed);
                if now == seen {
                    return stalled();
                }
                seen = now;
            }
        });
        Self { _alive: alive }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_without_progress_is_noticed() {
        let (told, stalled) = channel();
        let _watch = StallWatch::start(&Progress::default(), Duration::from_millis(10), move || {
            told.send(()).unwrap();
        });
        stalled.recv_timeout(Duration::from_mins(1)).unwrap();
    }

    #[test]
    fn a_fetch_that_ended_is_left_alone() {
        let (told, stalled) = channel::<()>();
        drop(StallWatch::start(&Progress::default(), Duration::from_hours(1), move || drop(told)));
        assert_eq!(stalled.recv_timeout(Duration::from_mins(1)), Err(RecvTimeoutError::Disconnected));
    }
}
