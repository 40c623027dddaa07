//! The task of one peer address: connects, writes what is queued, reports the end.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tepui_types::Upid;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tracing::debug;

use super::Shared;
use super::peer::{Peer, Verdict};
use crate::LinkEvent;

/// For how long a socket may be full unnoticed: a burst to a peer that reads is written by then.
const REPORT_AFTER: Duration = Duration::from_millis(50);

/// How often it is told that a peer stays behind.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// How a connection ended.
enum End {
    /// It failed, was closed by the peer, or the peer read too slowly.
    Broken(io::Error),
    /// Nothing is linked and nothing was sent for a while.
    Idle,
    /// The owner wants a new one.
    Reconnect,
}

pub(super) async fn run(shared: Arc<Shared>, address: SocketAddr, peer: Arc<Peer>) {
    let mut retried = false;
    loop {
        let end = match connect(&shared, address).await {
            Ok(stream) => {
                peer.state().connected = true;
                let end = converse(&shared, &peer, stream).await;
                peer.state().connected = false;
                end
            }
            Err(error) => {
                // Nobody listens there, so there is nothing to try again.
                retried = true;
                End::Broken(error)
            }
        };
        match end {
            End::Reconnect => {
                let mut state = peer.state();
                if state.verdict == Verdict::Replace {
                    state.verdict = Verdict::Keep;
                }
            }
            End::Idle => {
                if forget(&shared, address, &peer) {
                    return;
                }
            }
            End::Broken(error) => {
                debug!(%address, %error, "connection broke");
                // A connection without a link may have been closed just when something was to be sent. One more attempt
                // is worth it, and another one whenever the last one got something across.
                retried &= !std::mem::take(&mut peer.state().has_written);
                if !retried && has_only_unlinked_messages(&peer) {
                    retried = true;
                    continue;
                }
                for linked in break_off(&shared, address, &peer) {
                    // If nobody takes events any more there is nobody to tell.
                    drop(shared.events.send(LinkEvent::Broken { peer: linked }).await);
                }
                return;
            }
        }
    }
}

async fn connect(shared: &Shared, address: SocketAddr) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(shared.connect_timeout, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes and reads at once: a peer that waits for us to read its responses would never read what we write.
async fn converse(shared: &Shared, peer: &Peer, mut stream: TcpStream) -> End {
    let (read, write) = stream.split();
    tokio::select! {
        error = discard_responses(read) => End::Broken(error),
        end = write_messages(shared, peer, &write) => end,
        end = interrupted(peer) => end,
    }
}

async fn discard_responses(mut stream: ReadHalf<'_>) -> io::Error {
    loop {
        // The buffer does not live across an await, so it costs nothing per connection.
        let read = poll_fn(|context| {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut buffer = ReadBuf::uninit(&mut buffer);
            let read = Pin::new(&mut stream).poll_read(context, &mut buffer);
            read.map_ok(|()| buffer.filled().len())
        });
        match read.await {
            Ok(0) => return io::ErrorKind::ConnectionReset.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

async fn write_messages(shared: &Shared, peer: &Peer, stream: &WriteHalf<'_>) -> End {
    loop {
        let (batch, is_linked) = {
            let mut state = peer.state();
            // What was sent after that wish belongs on the new connection.
            if let Some(end) = end_by(state.verdict) {
                return end;
            }
            (std::mem::take(&mut state.outbox), !state.linked.is_empty())
        };
        if !batch.is_empty() {
            let _pending = shared.pending.remove_later(batch.len());
            if let Err(error) = write_all(shared, peer, stream, &batch).await {
                return End::Broken(error);
            }
            peer.state().has_written = true;
            continue;
        }
        report_caught_up(shared, peer).await;
        if is_linked {
            peer.wake.notified().await;
        } else if tokio::time::timeout(shared.idle_timeout, peer.wake.notified()).await.is_err() {
            return End::Idle;
        }
    }
}

async fn write_all(shared: &Shared, peer: &Peer, stream: &WriteHalf<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => {
                bytes = &bytes[written..];
                peer.state().written_bytes += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                until_writable(shared, peer, stream, bytes.len()).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits for a full socket, and says how long it takes.
async fn until_writable(
    shared: &Shared,
    peer: &Peer,
    stream: &WriteHalf<'_>,
    unwritten: usize,
) -> io::Result<()> {
    let mut patience = REPORT_AFTER;
    loop {
        if let Ok(writable) = tokio::time::timeout(patience, stream.writable()).await {
            return writable;
        }
        report_behind(shared, peer, unwritten).await;
        patience = REPORT_PERIOD;
    }
}

async fn report_behind(shared: &Shared, peer: &Peer, unwritten: usize) {
    let (linked, queued_bytes, written_bytes) = {
        let mut state = peer.state();
        state.behind = true;
        (state.linked.clone(), (unwritten + state.outbox.len()) as u64, state.written_bytes)
    };
    for peer in linked {
        // If nobody takes events any more there is nobody to tell.
        drop(shared.events.send(LinkEvent::Behind { peer, queued_bytes, written_bytes }).await);
    }
}

async fn report_caught_up(shared: &Shared, peer: &Peer) {
    let linked = {
        let mut state = peer.state();
        if !std::mem::take(&mut state.behind) {
            return;
        }
        state.linked.clone()
    };
    for peer in linked {
        drop(shared.events.send(LinkEvent::CaughtUp { peer }).await);
    }
}

async fn interrupted(peer: &Peer) -> End {
    loop {
        let verdict = peer.state().verdict;
        if let Some(end) = end_by(verdict) {
            return end;
        }
        peer.interrupt.notified().await;
    }
}

fn end_by(verdict: Verdict) -> Option<End> {
    match verdict {
        Verdict::Keep => None,
        Verdict::Replace => Some(End::Reconnect),
        Verdict::GiveUp => Some(End::Broken(io::Error::other("the peer reads too slowly"))),
    }
}

fn has_only_unlinked_messages(peer: &Peer) -> bool {
    let state = peer.state();
    state.linked.is_empty() && !state.outbox.is_empty() && state.verdict != Verdict::GiveUp
}

/// Ends the peer's life if there is still nothing to do for it.
fn forget(shared: &Shared, address: SocketAddr, peer: &Peer) -> bool {
    let mut peers = shared.peers();
    let state = peer.state();
    let is_idle = state.outbox.is_empty() && state.linked.is_empty();
    if is_idle {
        peers.remove(&address);
    }
    is_idle
}

/// Ends the peer's life with all that waits for it; gives back whom to report.
fn break_off(shared: &Shared, address: SocketAddr, peer: &Peer) -> BTreeSet<Upid> {
    let mut peers = shared.peers();
    peers.remove(&address);
    let mut state = peer.state();
    shared.pending.remove(state.outbox.len());
    state.outbox = Vec::new();
    std::mem::take(&mut state.linked)
}
