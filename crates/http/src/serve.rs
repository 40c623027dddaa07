//! The accept loop.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error, warn};

use crate::connection::{ConnectionIo, ConnectionState};
use crate::{Limits, RequestBody, Response, Unhurried};

/// How long accepting pauses after it failed (most likely for want of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves requests until `shutdown` completes, then lets responses under way finish for `limits.shutdown_grace`.
///
/// `service` is the daemon's front: it gives a request to the link or to the [`crate::Router`]. When this returns, all
/// connections are closed and their tasks have ended.
pub async fn serve<S, F>(
    listener: TcpListener,
    limits: Limits,
    service: S,
    shutdown: impl Future<Output = ()>,
) where
    S: Fn(http::Request<RequestBody>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if connections.len() >= limits.max_connections => {
                    warn!(%peer, limit = limits.max_connections, "connection refused: too many are open");
                }
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, limits.clone(), service.clone(), stopped.clone()));
                }
                Err(error) => {
                    warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => note_end(ended),
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = tokio::time::timeout(limits.shutdown_grace, async {
        while let Some(ended) = connections.join_next().await {
            note_end(ended);
        }
    });
    if drained.await.is_err() {
        debug!(open = connections.len(), "closing connections that are still in use");
    }
    connections.shutdown().await;
}

async fn connection<S, F>(
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    service: S,
    mut stopped: watch::Receiver<bool>,
) where
    S: Fn(http::Request<RequestBody>, SocketAddr) -> F,
    F: Future<Output = Response>,
{
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "failed to set TCP_NODELAY");
    }
    let state = Arc::new(ConnectionState::default());
    let io = TokioIo::new(ConnectionIo::new(stream, Arc::clone(&state), &limits));
    let service = service_fn(|request: http::Request<Incoming>| {
        let in_flight = state.begin();
        let response = service(request.map(|body| RequestBody::new(body, Arc::clone(&state))), peer);
        async move {
            let response = response.await;
            in_flight.note_hurry(response.extensions().get::<Unhurried>().is_none());
            Ok::<_, Infallible>(response.map(|body| in_flight.with_body(body)))
        }
    });
    let connection = http1::Builder::new()
        // Clients of Mesos look for `Mesos-Stream-Id` and the like; some do so case-sensitively.
        .title_case_headers(true)
        .max_header_size(limits.max_header_bytes)
        // What a connection may hold for a client that does not read, beside what its stream's owner allows.
        .max_buf_size(limits.max_header_bytes.saturating_add(16 * 1024))
        .header_read_timeout(None)
        // One buffer instead of a vector of at most 16 pieces: many small records leave in one write.
        .writev(false)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = state.aborted() => return,
        () = stop_requested(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = state.aborted() => return,
            }
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection broke");
    }
}

/// Completes when the server stops, also if it is simply gone.
async fn stop_requested(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a request's handler panicked; please report this");
    }
}
