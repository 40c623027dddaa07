//! The handle that daemons hold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tepui_types::Upid;
use tokio::sync::mpsc;

use crate::LinkConfig;
use crate::actors::Actors;
use crate::inbound;
use crate::outbound::Outbound;

/// What happens on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// A message arrived.
    Received {
        /// Who sent it, as they say.
        from: Upid,
        /// The actor of this process that it is for.
        to: String,
        /// The message's name, such as `mesos.internal.PingSlaveMessage`.
        name: String,
        /// The encoded message.
        body: Bytes,
    },
    /// A linked actor's socket is full. Told after a moment, and every second or so while it stays so.
    Behind {
        /// The linked actor.
        peer: Upid,
        /// What waits for its address outside of the socket.
        queued_bytes: u64,
        /// What its address has taken so far. Grows if it reads at all.
        written_bytes: u64,
    },
    /// All has been written that was queued for a linked actor that was behind.
    CaughtUp {
        /// The linked actor.
        peer: Upid,
    },
    /// The connection that a link stood for is gone, or could not be opened. The actor is not linked any more.
    Broken {
        /// The linked actor.
        peer: Upid,
    },
}

/// The transport of one daemon address; cheap to clone. Its connections end with the last clone.
#[derive(Clone, Debug)]
pub struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: LinkConfig,
    actors: Actors,
    outbound: Outbound,
    events: mpsc::Sender<LinkEvent>,
}

impl Link {
    /// Makes a link that reports to `events`. Must be called in a tokio runtime, which runs the connections; the other
    /// methods may be called from any thread.
    pub fn new(config: LinkConfig, events: mpsc::Sender<LinkEvent>) -> Self {
        let outbound = Outbound::new(&config, events.clone());
        Self(Arc::new(Inner { config, actors: Actors::default(), outbound, events }))
    }

    /// The address under which peers reach us.
    pub fn advertised(&self) -> SocketAddr {
        self.0.config.advertised
    }

    /// Receives messages for an actor of this name, such as `master` or `slave(1)`.
    pub fn register(&self, actor: &str) {
        self.0.actors.add(actor);
    }

    /// Receives messages for all actors whose names `belongs` claims, such as `slave-observer(N)`.
    pub fn register_family(&self, belongs: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.0.actors.add_family(belongs);
    }

    /// Receives no more messages for an actor.
    pub fn unregister(&self, actor: &str) {
        self.0.actors.remove(actor);
    }

    /// Queues a message from the actor `from` of this process. Never waits; messages to one address stay in order. A
    /// message that cannot be delivered is lost, and the link to its address, if there is one, breaks.
    pub fn send(&self, from: &str, to: &Upid, name: &str, body: impl AsRef<[u8]>) {
        self.0.outbound.send(from, to, name, body.as_ref());
    }

    /// Opens a connection to an actor's address, unless there is one, and keeps it. Its end is reported.
    pub fn link(&self, to: &Upid) {
        self.0.outbound.link(to);
    }

    /// Like [`Link::link`], but replaces a connection that is already there: it may be a dead one of which the network
    /// has not told us. No break is reported for the old one.
    pub fn relink(&self, to: &Upid) {
        self.0.outbound.relink(to);
    }

    /// Forgets a link: its end will not be reported.
    pub fn unlink(&self, to: &Upid) {
        self.0.outbound.unlink(to);
    }

    /// Drops the connection to an actor's address with all that waits for it; the break is reported.
    pub fn abort(&self, to: &Upid) {
        self.0.outbound.abort(to);
    }

    /// Waits until all that was queued has been written or lost, but not longer than `limit`. For a daemon's last words.
    pub async fn flush(&self, limit: Duration) {
        // What is unsent after the limit is lost, as with any peer that does not listen.
        drop(tokio::time::timeout(limit, self.0.outbound.flushed()).await);
    }

    /// Answers a request that [`crate::is_link_request`] recognised: 202 if it was delivered to an actor here, 404 if
    /// there is no such actor, 400 if it makes no sense.
    pub async fn receive<B>(&self, request: http::Request<B>, peer: SocketAddr) -> http::Response<Bytes>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        inbound::receive(&self.0.config, &self.0.actors, &self.0.events, request, peer).await
    }
}
