//! A clock that wakes within some ten microseconds of the right moment: tokio's timers are a millisecond apart, which is more
//! than the latencies that are measured here.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use tokio::sync::oneshot;

/// Asks the thread of the clock, which ends with the last of these.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Sender<Wish>);

/// Who wants to be woken, and when.
struct Wish {
    at: Instant,
    wake: oneshot::Sender<()>,
}

impl Clock {
    /// Starts a thread that waits.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (wishes, asked) = channel();
        std::thread::Builder::new().name("clock".to_owned()).spawn(move || run(&asked))?;
        Ok(Self(wishes))
    }

    /// Completes at a moment, or at once if it has passed.
    pub(crate) async fn sleep_until(&self, at: Instant) {
        let (wake, woken) = oneshot::channel();
        // The thread is there as long as we are.
        if self.0.send(Wish { at, wake }).is_ok() {
            drop(woken.await);
        }
    }
}

fn run(asked: &Receiver<Wish>) {
    let mut waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>> = BTreeMap::new();
    for number in 0.. {
        let now = Instant::now();
        while let Some(first) = waiting.first_entry()
            && first.key().0 <= now
        {
            // Whoever asked may have gone.
            first.remove().send(()).ok();
        }
        let wish = match waiting.first_key_value() {
            Some(((at, _), _)) => match asked.recv_timeout(at.saturating_duration_since(now)) {
                Ok(wish) => wish,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            },
            None => match asked.recv() {
                Ok(wish) => wish,
                Err(_) => return,
            },
        };
        waiting.insert((wish.at, number), wish.wake);
    }
}
