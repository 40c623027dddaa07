//! The sending half: a queue and a connection per peer address.

mod connection;
mod encode;
mod peer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tepui_types::Upid;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::{LinkConfig, LinkEvent};
use peer::{Peer, Pending, State, Verdict};

/// All peers that we send to or are linked with.
#[derive(Debug)]
pub(crate) struct Outbound {
    shared: Arc<Shared>,
    runtime: Handle,
    /// The connections' tasks; they are aborted with us.
    tasks: Mutex<JoinSet<()>>,
}

/// What the tasks need.
#[derive(Debug)]
struct Shared {
    advertised: SocketAddr,
    max_queued_bytes: usize,
    connect_timeout: Duration,
    idle_timeout: Duration,
    events: mpsc::Sender<LinkEvent>,
    /// Only peers that have a task. Locked before a peer's own state, never after.
    peers: Mutex<BTreeMap<SocketAddr, Arc<Peer>>>,
    pending: Pending,
}

impl Outbound {
    pub(crate) fn new(config: &LinkConfig, events: mpsc::Sender<LinkEvent>) -> Self {
        let shared = Shared {
            advertised: config.advertised,
            max_queued_bytes: config.max_queued_bytes,
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout,
            events,
            peers: Mutex::default(),
            pending: Pending::default(),
        };
        Self { shared: Arc::new(shared), runtime: Handle::current(), tasks: Mutex::default() }
    }

    pub(crate) fn send(&self, from: &str, to: &Upid, name: &str, body: &[u8]) {
        self.with_peer(to.address, |peer, state| {
            if state.verdict == Verdict::GiveUp {
                return;
            }
            let before = state.outbox.len();
            encode::message(&mut state.outbox, from, self.shared.advertised, &to.id, name, body);
            // A message that is alone in the queue may exceed the limit: else a big one could never be sent.
            if before > 0 && state.outbox.len() > self.shared.max_queued_bytes {
                state.verdict = Verdict::GiveUp;
                state.outbox.truncate(before);
                peer.interrupt.notify_one();
            } else {
                self.shared.pending.add(state.outbox.len() - before);
                peer.wake.notify_one();
            }
        });
    }

    pub(crate) fn link(&self, to: &Upid) {
        self.with_peer(to.address, |peer, state| {
            state.linked.insert(to.clone());
            peer.wake.notify_one();
        });
    }

    pub(crate) fn relink(&self, to: &Upid) {
        self.with_peer(to.address, |peer, state| {
            state.linked.insert(to.clone());
            // A connection that is only being opened is as fresh as can be.
            if state.connected && state.verdict == Verdict::Keep {
                state.verdict = Verdict::Replace;
                peer.interrupt.notify_one();
            }
        });
    }

    pub(crate) fn unlink(&self, to: &Upid) {
        let peers = self.shared.peers();
        if let Some(peer) = peers.get(&to.address) {
            peer.state().linked.remove(to);
            peer.wake.notify_one();
        }
    }

    pub(crate) fn abort(&self, to: &Upid) {
        let peers = self.shared.peers();
        if let Some(peer) = peers.get(&to.address) {
            peer.state().verdict = Verdict::GiveUp;
            peer.interrupt.notify_one();
        }
    }

    pub(crate) async fn flushed(&self) {
        self.shared.pending.none().await;
    }

    /// Changes a peer's state; starts its task if it has none.
    fn with_peer(&self, address: SocketAddr, change: impl FnOnce(&Peer, &mut State)) {
        let mut peers = self.shared.peers();
        let peer = peers.entry(address).or_insert_with(|| {
            let peer = Arc::new(Peer::default());
            let task = connection::run(Arc::clone(&self.shared), address, Arc::clone(&peer));
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(task, &self.runtime);
            peer
        });
        change(peer, &mut peer.state());
    }
}

impl Shared {
    fn peers(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
