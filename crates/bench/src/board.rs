//! What the threads of a run share: counters, switches, and the clock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters and switches of one run.
#[derive(Debug)]
pub(crate) struct Board {
    start: Instant,
    leader: Mutex<SocketAddr>,
    /// A hundredth of the tasks may end.
    pub(crate) ends_some: AtomicBool,
    /// Agents that came back after the leader was lost.
    pub(crate) returned: AtomicUsize,
    /// Tasks may end.
    pub(crate) release: AtomicBool,
    /// Latencies count from now on.
    pub(crate) is_warm: AtomicBool,
    /// The PONGs of the plan may be sent.
    pub(crate) wants_pongs: AtomicBool,
    /// The RECONCILE of the plan may be sent.
    pub(crate) wants_reconcile: AtomicBool,
    /// `/state` need not be polled any more.
    pub(crate) stop_polling: AtomicBool,
    /// All threads end.
    pub(crate) stop: AtomicBool,
    /// Agents that have been registered.
    pub(crate) registered: AtomicUsize,
    /// Agents that were told to shut down.
    pub(crate) lost: AtomicUsize,
    /// Tasks that reached agents.
    pub(crate) received: AtomicUsize,
    /// Tasks whose RUNNING was acknowledged to the agent.
    pub(crate) running: AtomicUsize,
    /// Tasks whose end was acknowledged to the agent.
    pub(crate) finished: AtomicUsize,
    /// Updates that agents sent again.
    pub(crate) retries: AtomicUsize,
    pub(crate) pings: AtomicUsize,
    pub(crate) flaps: AtomicUsize,
    /// PONGs that the master has taken.
    pub(crate) pongs: AtomicUsize,
    /// Frameworks that are subscribed.
    pub(crate) subscribed: AtomicUsize,
    pub(crate) offers: AtomicUsize,
    /// Tasks in ACCEPTs.
    pub(crate) launched: AtomicUsize,
    /// Tasks that frameworks saw running.
    pub(crate) seen_running: AtomicUsize,
    /// Tasks that frameworks saw end.
    pub(crate) seen_terminal: AtomicUsize,
    /// Updates that answer a RECONCILE.
    pub(crate) reconciled: AtomicUsize,
    /// When each agent's resources were last freed; 0 once they were offered.
    pub(crate) freed: Vec<AtomicU64>,
}

impl Board {
    pub(crate) fn new(leader: SocketAddr, agents: usize, is_warm: bool) -> Self {
        Self {
            start: Instant::now(),
            leader: Mutex::new(leader),
            ends_some: AtomicBool::default(),
            returned: AtomicUsize::default(),
            release: AtomicBool::default(),
            is_warm: AtomicBool::new(is_warm),
            wants_pongs: AtomicBool::default(),
            wants_reconcile: AtomicBool::default(),
            stop_polling: AtomicBool::default(),
            stop: AtomicBool::default(),
            registered: AtomicUsize::default(),
            lost: AtomicUsize::default(),
            received: AtomicUsize::default(),
            running: AtomicUsize::default(),
            finished: AtomicUsize::default(),
            retries: AtomicUsize::default(),
            pings: AtomicUsize::default(),
            flaps: AtomicUsize::default(),
            pongs: AtomicUsize::default(),
            subscribed: AtomicUsize::default(),
            offers: AtomicUsize::default(),
            launched: AtomicUsize::default(),
            seen_running: AtomicUsize::default(),
            seen_terminal: AtomicUsize::default(),
            reconciled: AtomicUsize::default(),
            freed: (0..agents).map(|_| AtomicU64::default()).collect(),
        }
    }

    /// Nanoseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// The moment of so many nanoseconds since the run began.
    pub(crate) fn instant(&self, nanoseconds: u64) -> Instant {
        self.start + Duration::from_nanos(nanoseconds)
    }

    /// The master to go to.
    pub(crate) fn leader(&self) -> SocketAddr {
        *self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another master leads.
    pub(crate) fn lead(&self, leader: SocketAddr) {
        *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = leader;
    }

    /// Completes when another master leads than this one, or the run ends.
    pub(crate) async fn next_leader(&self, before: SocketAddr) -> SocketAddr {
        loop {
            let leader = self.leader();
            if leader != before || self.is_stopped() {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.is_warm.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Raises a counter.
pub(crate) fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What a counter says.
pub(crate) fn read(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}
