//! Puts the parts together and takes them apart.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, RwLock};

use tepui_agent_core::{Agent, Effects, Input};
use tepui_containerizer::{Containerizer, ContainerizerError, Settings};
use tepui_fetcher::Fetcher;
use tepui_ha::Detector;
use tepui_link::Link;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

use crate::clock::Clock;
use crate::config::Config;
use crate::containers::Containers;
use crate::detection::follow;
use crate::fetch::fetch_with;
use crate::files::Files;
use crate::front::Front;
use crate::gc::collect;
use crate::inbox::{Work, inbox};
use crate::journal::Journal;
use crate::link_inbox::{forward, link_inbox};
use crate::machine;
use crate::meta::{Meta, Paths};
use crate::reactor::Reactor;
use crate::recover;
use crate::routes::{Routes, router};
use crate::streams::Streams;
use crate::systemd::SliceError;
use crate::view::View;

/// How many reports of the journal may wait.
const REPORTS: usize = 4;

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
    /// There is no slice for executors.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// The journal cannot be used.
    #[error("failed to use the journal `{path}`")]
    Journal {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// What an earlier process kept is damaged.
    #[error(
        "failed to recover: {first} ({count} in all)\nhint: --no-strict starts with what can be read; what cannot is lost"
    )]
    Damaged {
        /// The first thing that is damaged.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// No randomness.
    #[error("failed to draw a random seed: {0}")]
    Seed(String),
    /// The agent ended because of what a master said.
    #[error("agent stopped: {0}")]
    Stopped(String),
}

/// How an agent is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It will come back: executors of frameworks that checkpoint stay.
    Leave,
    /// For good: it unregisters, and no executor is left.
    Shutdown,
}

/// What the containerizer is told.
fn containers(config: &Config, fetcher: Fetcher) -> Result<Settings, Error> {
    let mut settings = Settings::new(config.runtime_dir.clone(), config.launcher_command.clone());
    settings.isolation = config.isolation.clone();
    settings.logger.clone_from(&config.logger);
    settings.fetch = Some(fetch_with(fetcher));
    if let Some(systemd) = &config.systemd {
        settings.launcher_cgroups = systemd.executors_slice()?;
    }
    Ok(settings)
}

/// Runs an agent until `stop` completes or a master ends it. `ready` is told when requests are served; the agent
/// registers after that.
pub async fn run(
    mut config: Config,
    listener: TcpListener,
    ready: oneshot::Sender<()>,
    stop: impl Future<Output = Stop>,
) -> Result<(), Error> {
    config.core.work_dir = prepare_work_dir(&config.core.work_dir)?;
    let work_dir: &Path = config.core.work_dir.as_ref();
    config.core.resources = machine::complete(config.core.resources, &config.named_resources, work_dir);
    let found = recover::find(config.core.work_dir.as_ref(), config.strict)?;
    let (work, works) = inbox();
    let (events, received) = link_inbox();
    let link = Link::new(config.link.clone(), events);
    link.register(&config.core.pid.id);
    let files = Files::of_work_dir(work_dir)
        .map_err(|source| Error::WorkDir { path: work_dir.display().to_string(), source })?;
    let fetcher = Fetcher::new(config.fetcher.clone());
    let view = Arc::new(RwLock::new(View::new(&config, files.clone(), fetcher.clone())));
    let settings = containers(&config, fetcher)?;
    let (containerizer, exits) = Containerizer::start(settings).await?;
    let routes = Routes {
        inbox: work.clone(),
        view: Arc::clone(&view),
        files: files.clone(),
        settings: Arc::new(config.clone()),
        containerizer: containerizer.clone(),
    };
    let front = Front { link: link.clone(), router: router(&routes, &config.limits) };
    let paths = Paths::new(config.core.work_dir.as_ref());
    let (report, reports) = mpsc::channel(REPORTS);
    let journal = Journal::open(&paths.journal(), &found.contents, Meta::new(paths.clone()), report)
        .map_err(|source| Error::Journal { path: paths.journal().display().to_string(), source })?;
    let seen = Arc::clone(&view);
    let reactor = Reactor {
        core: Agent::new(config.core.clone(), seed()?),
        actor: Arc::clone(&config.core.pid.id),
        clock: Clock::new(),
        view,
        link,
        containers: Containers::new(containerizer, config.core.work_dir.clone(), files.clone(), work.clone()),
        streams: Streams::new(work.clone()),
        journal,
        reports,
        inbox: works,
        exits,
        waiting: BTreeMap::new(),
        next_request: 1,
        effects: Effects::default(),
        grace: config.core.executor_shutdown_grace_period,
        keeps_containers: false,
        stopped: None,
    };
    info!(pid = %config.core.pid, work_dir = config.core.work_dir, "agent started");
    let (end, ended) = oneshot::channel::<()>();
    let service = move |request, peer| front.clone().handle(request, peer);
    let server = tokio::spawn(tepui_http::serve(listener, config.limits.clone(), service, async {
        drop(ended.await);
    }));
    let collector = tokio::spawn(collect(config.core.work_dir.into(), config.gc, seen, files));
    let forwarder = tokio::spawn(forward(received, work.clone()));
    // Nobody need wait for it.
    let _ = ready.send(());
    drop(work.send(Work::Input(Input::Recover(Box::new(found.recovery)))).await);
    let detection = Detector::new(config.master, config.master_session_timeout).detect();
    let detector = tokio::spawn(follow(detection, work));
    let reason = reactor.run(stop).await;
    let _ = end.send(());
    if let Err(error) = server.await {
        error!(%error, "the HTTP server did not end well");
    }
    forwarder.abort();
    collector.abort();
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
