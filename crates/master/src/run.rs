//! Puts the master together.

use std::future::Future;

use tepui_link::Link;
use tepui_master_core::Master;
use tepui_master_view::View;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tracing::info;

use crate::Config;
use crate::front::{Front, Handles};
use crate::inbox::inbox;
use crate::link_inbox::{forward, link_inbox};
use crate::reactor::Reactor;
use crate::reader;

/// How the actors are called that watch agents; each agent's pings come from one of its own.
const AGENT_OBSERVER: &str = "slave-observer(";

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
}

/// Runs a master on `listener` until `shutdown` completes. `ready` is told when it leads and takes requests.
///
/// # Errors
/// The master could not start, or its core failed.
pub async fn run(
    config: Config,
    listener: TcpListener,
    ready: oneshot::Sender<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let seed = getrandom::u64().map_err(Error::Seed)?;
    let leader = (config.core.hostname.clone(), config.core.pid.address.port());
    let (work, inbox) = inbox();
    let (link_events, link_inbox) = link_inbox();
    let link = Link::new(config.link, link_events);
    link.register(&config.core.pid.id);
    link.register_family(|actor| actor.starts_with(AGENT_OBSERVER));
    let (journal, queue, view_thread) = reader::start(View::new(config.view)).map_err(Error::Thread)?;

    let pid = config.core.pid.clone();
    let mut reactor = Reactor::new(Master::new(config.core, seed), journal, link.clone(), work.clone());
    reactor.recover();
    let (stop_reactor, reactor_stopped) = oneshot::channel();
    let mut reactor = tokio::spawn(reactor.run(inbox, reactor_stopped));
    let forwarder = tokio::spawn(forward(link_inbox, work.clone()));

    let front = Front::new(&Handles { inbox: work, reads: queue, leader }, link, &config.limits);
    info!(%pid, "master started");
    // Nobody need be waiting for it.
    let _ = ready.send(());
    let mut ended = Ok(());
    let service = move |request, peer| front.clone().serve(request, peer);
    tepui_http::serve(listener, config.limits, service, async {
        tokio::select! {
            () = shutdown => {
                // The reactor goes first: with it end the event streams, which would keep their connections busy. An
                // error means that it has stopped already.
                let _ = stop_reactor.send(());
                ended = (&mut reactor).await;
            }
            result = &mut reactor => ended = result,
        }
    })
    .await;

    forwarder.abort();
    ended.map_err(Error::Core)?;
    // With the reactor and the front gone nobody can ask the view, so its thread ends.
    drop(tokio::task::spawn_blocking(move || view_thread.join()).await);
    info!(%pid, "master stopped");
    Ok(())
}
