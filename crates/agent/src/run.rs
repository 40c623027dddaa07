//! Puts the parts together and takes them apart.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, RwLock};

use tepui_agent_core::{Agent, Effects};
use tepui_containerizer::{Containerizer, ContainerizerError, Settings};
use tepui_fetcher::Fetcher;
use tepui_ha::Detector;
use tepui_link::Link;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::clock::Clock;
use crate::config::Config;
use crate::containers::Containers;
use crate::detection::follow;
use crate::fetch::fetch_with;
use crate::files::Files;
use crate::front::Front;
use crate::inbox::inbox;
use crate::link_inbox::{forward, link_inbox};
use crate::machine;
use crate::reactor::Reactor;
use crate::routes::{Routes, router};
use crate::streams::Streams;
use crate::view::View;

/// Why an agent did not start, or ended without being asked to on its machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder cannot be used.
    #[error(
        "failed to use the folder `{path}`\nhint: `--work_dir` names a folder that the agent may write to"
    )]
    WorkDir {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Containers cannot be launched.
    #[error(transparent)]
    Containers(#[from] ContainerizerError),
    /// Containers of an earlier run cannot be looked for.
    #[error("failed to recover containers")]
    Recover(#[source] io::Error),
    /// No randomness.
    #[error("failed to draw a random seed: {0}")]
    Seed(String),
    /// The agent ended because of what a master said.
    #[error("agent stopped: {0}")]
    Stopped(String),
}

/// Runs an agent until `shutdown` completes or a master ends it. `ready` is told when requests are served; the agent
/// registers after that. When this returns, no executor is left.
pub async fn run(
    mut config: Config,
    listener: TcpListener,
    ready: oneshot::Sender<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    config.core.work_dir = prepare_work_dir(&config.core.work_dir)?;
    config.core.resources = machine::complete(config.core.resources, config.core.work_dir.as_ref());
    let (work, works) = inbox();
    let (events, received) = link_inbox();
    let link = Link::new(config.link.clone(), events);
    link.register(&config.core.pid.id);
    let files = Files::default();
    let fetcher = Fetcher::new(config.fetcher.clone());
    let view = Arc::new(RwLock::new(View::new(&config, files.clone(), fetcher.clone())));
    let mut settings = Settings::new(config.runtime_dir.clone(), config.launcher_command.clone());
    settings.isolation = config.isolation.clone();
    settings.fetch = Some(fetch_with(fetcher));
    let (containerizer, exits) = Containerizer::start(settings).await?;
    containerizer.recover(Vec::new()).await.map_err(Error::Recover)?;
    let routes = Routes {
        inbox: work.clone(),
        view: Arc::clone(&view),
        files: files.clone(),
        settings: Arc::new(config.clone()),
        containerizer: containerizer.clone(),
    };
    let front = Front { link: link.clone(), router: router(&routes, &config.limits) };
    let reactor = Reactor {
        core: Agent::new(config.core.clone(), seed()?),
        actor: Arc::clone(&config.core.pid.id),
        clock: Clock::new(),
        view,
        link,
        containers: Containers::new(containerizer, config.core.work_dir.clone(), files.clone(), work.clone()),
        streams: Streams::new(work.clone()),
        inbox: works,
        exits,
        waiting: BTreeMap::new(),
        next_request: 1,
        effects: Effects::default(),
        grace: config.core.executor_shutdown_grace_period,
        stopped: None,
    };
    info!(pid = %config.core.pid, master = ?config.master, work_dir = config.core.work_dir, "agent started");
    let (stop, stopped) = oneshot::channel::<()>();
    let service = move |request, peer| front.clone().handle(request, peer);
    let server = tokio::spawn(tepui_http::serve(listener, config.limits.clone(), service, async {
        drop(stopped.await);
    }));
    let forwarder = tokio::spawn(forward(received, work.clone()));
    // Nobody need wait for it.
    let _ = ready.send(());
    let detection = Detector::new(config.master, config.master_session_timeout).detect();
    let detector = tokio::spawn(follow(detection, work));
    let reason = reactor.run(shutdown).await;
    let _ = stop.send(());
    if let Err(error) = server.await {
        error!(%error, "the HTTP server did not end well");
    }
    forwarder.abort();
    detector.abort();
    reason.map_or(Ok(()), |reason| Err(Error::Stopped(reason)))
}

/// Makes the folder, and gives its path without links: executors are told it, and `/files` compares with it.
fn prepare_work_dir(path: &str) -> Result<String, Error> {
    let failed = |source| Error::WorkDir { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(failed)?;
    let path = std::path::absolute(path).map_err(failed)?;
    Ok(path.to_string_lossy().into_owned())
}

fn seed() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Seed(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}
