//! Puts the master together: what lasts as long as the process, and one term after the other.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tepui_ha::SpecError;
use tepui_storage::StorageError;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::Config;
use crate::election::Election;
use crate::registrar_metrics::RegistrarMetrics;
use crate::registry;
use crate::term::{End, Shared, Term};

/// How long a deposed master waits before it contends again: whoever took over shall not be contested in a hurry.
const PAUSE_BETWEEN_TERMS: Duration = Duration::from_secs(1);

/// Why a master could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no randomness to be had.
    #[error("failed to draw a seed from the operating system: {0}")]
    Seed(getrandom::Error),
    /// The thread of the view did not start.
    #[error("failed to start the thread that answers reads")]
    Thread(#[source] std::io::Error),
    /// The core's task ended with a panic.
    #[error("the master's core failed; please report this")]
    Core(#[source] JoinError),
    /// The server's task ended with a panic.
    #[error("the HTTP server failed; please report this")]
    Server(#[source] JoinError),
    /// The store cannot be used.
    #[error("failed to use the registry")]
    Registry(#[source] StorageError),
    /// There is no such election.
    #[error("failed to take part in the election")]
    Election(#[from] SpecError),
    /// The registry was written by a master that can do more.
    #[error(
        "the registry wants a master with the capability `{0}`, which this one lacks\nhint: run the version that wrote it"
    )]
    MinimumCapability(String),
    /// A master without an election was deposed.
    #[error("this master may not go on: {0}\nhint: does another master use the same registry?")]
    Deposed(String),
}

/// Runs a master on `listener` until `shutdown` completes. `ready` is told when it takes requests and, if there is no
/// election, leads.
///
/// # Errors
/// The master could not start, or cannot go on.
pub async fn run(
    config: Config,
    listener: TcpListener,
    ready: oneshot::Sender<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let shared = Shared {
        storage: registry::open(&config.registry).map_err(Error::Registry)?,
        election: Election::start(config.election.as_ref())?,
        metrics: Arc::new(RegistrarMetrics::default()),
        config,
    };
    let term = Term::begin(&shared)?;
    let (fronts, front) = watch::channel(term.front());
    let service = move |request, peer| {
        let front = front.borrow().clone();
        front.serve(request, peer)
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = shared.config.limits.clone();
    let server = tokio::spawn(tepui_http::serve(listener, limits, service, async {
        // An error means that the master is gone, so it is time to stop all the same.
        let _ = stopped.await;
    }));
    let pid = shared.config.core.pid.clone();
    info!(%pid, "master started");
    let mut ready = Some(ready);
    if shared.election.has_rivals()
        && let Some(ready) = ready.take()
    {
        // Nobody need be waiting for it.
        let _ = ready.send(());
    }
    let ended = terms(&shared, term, &fronts, ready, shutdown).await;
    drop(stop);
    let stopped = server.await.map_err(Error::Server);
    info!(%pid, "master stopped");
    ended.and(stopped)
}

/// Runs terms until one ends for good.
async fn terms(
    shared: &Shared,
    mut term: Term,
    fronts: &watch::Sender<crate::front::Front>,
    mut ready: Option<oneshot::Sender<()>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    tokio::pin!(shutdown);
    loop {
        match term.run(shared, &mut ready, shutdown.as_mut()).await {
            End::Asked => return Ok(()),
            End::Failed(error) => return Err(error),
            End::Deposed(reason) if !shared.election.has_rivals() => return Err(Error::Deposed(reason)),
            End::Deposed(reason) => warn!(reason, "this master does not lead; it will contend again"),
        }
        term = Term::begin(shared)?;
        fronts.send_replace(term.front());
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = sleep(PAUSE_BETWEEN_TERMS) => {}
        }
    }
}
