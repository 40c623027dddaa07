//! One peer address: what waits for it and who there is linked.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tepui_types::Upid;
use tokio::sync::Notify;

/// A peer that has a task. The sender changes the state and wakes the task.
#[derive(Debug, Default)]
pub(super) struct Peer {
    state: Mutex<State>,
    /// There is something to write, or the links changed.
    pub(super) wake: Notify,
    /// The connection must be given up, even if a write is blocked.
    pub(super) interrupt: Notify,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Whole messages as they go over the wire, in order.
    pub(super) outbox: Vec<u8>,
    pub(super) linked: BTreeSet<Upid>,
    pub(super) connected: bool,
    /// The present connection, or the last one, has taken messages.
    pub(super) has_written: bool,
    pub(super) verdict: Verdict,
    /// Its socket was full, and since then not all was written.
    pub(super) behind: bool,
    /// How many bytes it has taken, over all its connections.
    pub(super) written_bytes: u64,
}

/// What is to become of the present connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays.
    #[default]
    Keep,
    /// It is to be replaced.
    Replace,
    /// More was sent than may wait: the peer is as good as gone.
    GiveUp,
}

impl Peer {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many bytes are queued or being written, over all peers.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: AtomicUsize,
    none: Notify,
}

impl Pending {
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn remove(&self, bytes: usize) {
        if self.bytes.fetch_sub(bytes, Ordering::AcqRel) == bytes {
            self.none.notify_waiters();
        }
    }

    /// Counts bytes out when the guard goes, however the write ends.
    pub(super) fn remove_later(&self, bytes: usize) -> impl Drop {
        struct Guard<'a>(&'a Pending, usize);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                self.0.remove(self.1);
            }
        }
        Guard(self, bytes)
    }

    pub(super) async fn none(&self) {
        loop {
            let notified = self.none.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.bytes.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }
}
