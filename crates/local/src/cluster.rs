//! A master and its agents, in this process.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use tepui_flags::{Addresses, FlagsError};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where all daemons listen.
    pub ip: IpAddr,
    /// The master's port; agents take the following ones. 0 means free ones.
    pub port: u16,
    /// Whether free ports will do where those are taken.
    pub any_port_will_do: bool,
    /// How many agents.
    pub agents: usize,
    /// What each agent offers, as a flag; detected if absent.
    pub resources: Option<String>,
    /// The folder for the agents' own folders.
    pub work_dir: PathBuf,
    /// Whether tasks run as the user that they name.
    pub switch_user: bool,
}

/// Why a cluster did not start, or ended.
#[derive(Debug, Error)]
pub enum Error {
    /// A socket could not be bound.
    #[error("failed to listen on {address}\nhint: give another --port, or 0 for a free one")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A flag of a daemon is wrong.
    #[error(transparent)]
    Flags(#[from] FlagsError),
    /// A master's setting is wrong.
    #[error(transparent)]
    MasterConfig(#[from] tepui_master::ConfigError),
    /// An agent's setting is wrong.
    #[error(transparent)]
    AgentConfig(#[from] tepui_agent::ConfigError),
    /// This program's own file is needed to start executors.
    #[error("failed to find this program's own file")]
    OwnProgram(#[source] io::Error),
    /// What an earlier cluster left cannot be removed.
    #[error("failed to remove `{}`", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The master ended.
    #[error(transparent)]
    Master(#[from] tepui_master::Error),
    /// An agent ended.
    #[error(transparent)]
    Agent(#[from] tepui_agent::Error),
    /// A daemon ended before it was ready, or failed.
    #[error("a daemon ended unexpectedly; please report this")]
    Ended,
}

/// A running cluster. Stop it with [`Cluster::stop`]: dropped, it leaves its daemons to the runtime.
#[derive(Debug)]
pub struct Cluster {
    master: SocketAddr,
    agents: Vec<SocketAddr>,
    daemons: JoinSet<Result<(), Error>>,
    stop_agents: watch::Sender<bool>,
    stop_master: watch::Sender<bool>,
}

impl Cluster {
    /// Starts a master and its agents; returns when all of them serve requests.
    ///
    /// # Errors
    /// A port is taken, or a setting makes no sense.
    pub async fn start(options: &Options) -> Result<Self, Error> {
        let listener = bind(options, options.port).await?;
        let mut cluster = Self {
            master: local_address(&listener)?,
            agents: Vec::new(),
            daemons: JoinSet::new(),
            stop_agents: watch::Sender::new(false),
            stop_master: watch::Sender::new(false),
        };
        let values = tepui_master::FLAGS.parse([], |_| None)?;
        let config = tepui_master::Config::from_flags(&values, &addresses(cluster.master))?;
        let (ready, is_ready) = oneshot::channel();
        let shutdown = set(cluster.stop_master.subscribe());
        cluster.daemons.spawn(async move { Ok(tepui_master::run(config, listener, ready, shutdown).await?) });
        cluster.wait_for(is_ready).await?;
        for index in 0..options.agents {
            cluster.start_agent(options, index).await?;
        }
        Ok(cluster)
    }

    async fn start_agent(&mut self, options: &Options, index: usize) -> Result<(), Error> {
        let port = match options.port {
            0 => 0,
            port => u16::try_from(index + 1).ok().and_then(|step| port.checked_add(step)).unwrap_or(0),
        };
        let listener = bind(options, port).await?;
        let address = local_address(&listener)?;
        let folder = options.work_dir.join(format!("agent-{}", index + 1));
        // The cluster is new each time, and with it its agents.
        let meta = folder.join("meta");
        if let Err(error) = std::fs::remove_dir_all(&meta)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::Folder(meta, error));
        }
        let mut args = vec![
            format!("--master={}", self.master),
            format!("--work_dir={}", folder.display()),
            format!("--runtime_dir={}", folder.join("run").display()),
            format!("--fetcher_cache_dir={}", folder.join("fetch").display()),
            format!("--switch_user={}", options.switch_user),
            // The master is known to be there: no need to spread registrations over a second.
            "--registration_backoff_factor=10ms".to_owned(),
        ];
        args.extend(options.resources.as_ref().map(|resources| format!("--resources={resources}")));
        let values = tepui_agent::FLAGS.parse(args.into_iter().map(Into::into), |_| None)?;
        let executor = tepui_agent::command_executor().map_err(Error::OwnProgram)?;
        let config = tepui_agent::Config::from_flags(&values, &addresses(address), executor)?;
        let (ready, is_ready) = oneshot::channel();
        let stopped = set(self.stop_agents.subscribe());
        let shutdown = async move {
            stopped.await;
            tepui_agent::Stop::Shutdown
        };
        self.daemons.spawn(async move { Ok(tepui_agent::run(config, listener, ready, shutdown).await?) });
        self.agents.push(address);
        self.wait_for(is_ready).await
    }

    /// Waits for a daemon to serve; if one ends instead, its error is ours.
    async fn wait_for(&mut self, is_ready: oneshot::Receiver<()>) -> Result<(), Error> {
        tokio::select! {
            biased;
            ready = is_ready => ready.or(Err(Error::Ended)),
            error = self.failed() => Err(error),
        }
    }

    /// Completes when a daemon ends by itself, which none should.
    pub async fn failed(&mut self) -> Error {
        match self.daemons.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Ok(Ok(())) | Err(_)) | None => Error::Ended,
        }
    }

    /// Where the master listens.
    pub fn master(&self) -> SocketAddr {
        self.master
    }

    /// Where the agents listen.
    pub fn agents(&self) -> &[SocketAddr] {
        &self.agents
    }

    /// Stops the agents with all that they run, then the master; returns when nothing is left.
    ///
    /// # Errors
    /// A daemon failed.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop_agents.send_replace(true);
        let mut result = Ok(());
        while self.daemons.len() > 1 {
            result = result.and(joined(self.daemons.join_next().await));
        }
        self.stop_master.send_replace(true);
        result.and(joined(self.daemons.join_next().await))
    }
}

fn joined(ended: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match ended {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(Error::Ended),
        None => Ok(()),
    }
}

async fn bind(options: &Options, port: u16) -> Result<TcpListener, Error> {
    let address = SocketAddr::new(options.ip, port);
    match TcpListener::bind(address).await {
        Err(_) if options.any_port_will_do => {
            let address = SocketAddr::new(options.ip, 0);
            TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
        }
        bound => bound.map_err(|source| Error::Listen { address, source }),
    }
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|_| Error::Ended)
}

fn addresses(address: SocketAddr) -> Addresses {
    Addresses { listen: address, advertised: address, hostname: "localhost".to_owned() }
}

/// Completes when the flag is set.
async fn set(mut flag: watch::Receiver<bool>) {
    // A sender that is gone means that nobody wants the daemon any more.
    let _ = flag.wait_for(|stop| *stop).await;
}
