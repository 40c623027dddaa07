//! The masters that cases run against.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tepui_flags::Addresses;
use tepui_testing::{Oracle, free_port, get, wait_for};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::agent::Agent;

/// How every master of the suite is started: quick to offer, and to lose an agent.
const FLAGS: &[&str] = &[
    "hostname=localhost",
    "allocation_interval=10ms",
    "agent_ping_timeout=1secs",
    "max_agent_ping_timeouts=2",
];

/// When a real master ends by itself, if nobody ends it.
const LONGEST_SECONDS: u32 = 1800;

/// How long a real master's own driver may take to say that it wants no offers.
const HOLDER: Duration = Duration::from_millis(500);

/// How long the driver may take to register: it waits for up to two seconds before.
const HOLDER_REGISTRATION: Duration = Duration::from_secs(4);

/// Our master, on a thread with its own runtime; it ends with its handle.
#[derive(Debug)]
pub struct OurMaster {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl OurMaster {
    /// Starts a master with these flags (`name=value`) besides those of the suite.
    ///
    /// # Errors
    /// The flags make no sense, or the master does not start.
    pub fn start(flags: &[String]) -> anyhow::Result<Self> {
        let args: Vec<String> = FLAGS
            .iter()
            .map(|flag| format!("--{flag}"))
            .chain(flags.iter().map(|flag| format!("--{flag}")))
            .collect();
        let (stop, stopped) = oneshot::channel();
        let (started, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || -> anyhow::Result<()> {
            let values = tepui_master::FLAGS.parse(args.into_iter().map(Into::into), |_| None)?;
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
                let address = listener.local_addr()?;
                let addresses =
                    Addresses { listen: address, advertised: address, hostname: "localhost".to_owned() };
                let config = tepui_master::Config::from_flags(&values, &addresses)?;
                let (ready, leads) = oneshot::channel();
                let shutdown = async {
                    // Errors mean that the other side is gone, and with it the need.
                    let _ = leads.await;
                    let _ = started.send(address);
                    let _ = stopped.await;
                };
                Ok(tepui_master::run(config, listener, ready, shutdown).await?)
            })
        });
        let Ok(address) = address.recv() else {
            let ended = thread.join();
            anyhow::bail!("our master does not start: {ended:?}");
        };
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for OurMaster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "the master failed: {ended:?}");
        }
    }
}

/// A real Mesos 1.11.0 master without agents; it ends with its handle.
#[derive(Debug)]
pub struct RealMaster {
    child: Child,
    address: SocketAddr,
}

impl RealMaster {
    /// Starts a master that keeps its files in `folder`; `None` where no real Mesos is installed.
    ///
    /// # Errors
    /// It is installed and cannot be started.
    pub fn start(folder: &Path, flags: &[String]) -> anyhow::Result<Option<Self>> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let Some(mut command) = Oracle::command(folder, address, LONGEST_SECONDS) else { return Ok(None) };
        let variables = FLAGS
            .iter()
            .copied()
            .chain(flags.iter().map(String::as_str))
            .filter_map(|flag| flag.split_once('='));
        let child = command
            .env("MESOS_REGISTRY", "in_memory")
            .env("MESOS_NUM_SLAVES", "0")
            .env("GLOG_logtostderr", "1")
            .envs(variables.map(|(name, value)| (format!("MESOS_{}", name.to_uppercase()), value)))
            .stderr(File::create(folder.join("stderr"))?)
            .spawn()
            .context("failed to start the real Mesos")?;
        let master = Self { child, address };
        wait_for("a real Mesos to answer", || get(address, "/version").filter(|answer| answer.status == 200));
        Ok(Some(master))
    }

    /// Whether one is installed.
    pub fn is_installed() -> bool {
        Oracle::folder().is_some() && Oracle::scripts().is_some()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RealMaster {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A real master runs together with a driver that suppresses offers as soon as it got one: gives it one.
pub(crate) async fn satisfy_holder(master: SocketAddr) -> anyhow::Result<()> {
    let (sender, mut items) = mpsc::unbounded_channel();
    let mut agent = Agent::start("holder", "cpus:1;mem:64", &json!({}), master, (0, sender)).await?;
    // A master that is not ready yet does not listen.
    loop {
        agent.send("RegisterSlaveMessage", &agent.registration(None))?;
        if tokio::time::timeout(HOLDER, items.recv()).await.is_ok() {
            break;
        }
    }
    let deadline = tokio::time::Instant::now() + HOLDER_REGISTRATION;
    let is_registered =
        || get(master, "/master/frameworks").is_some_and(|answer| answer.body.contains("\"active\":true"));
    // A master may refuse it: then it takes no offers either.
    while !is_registered() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(HOLDER / 10).await;
    }
    tokio::time::sleep(HOLDER).await;
    agent.stop().await;
    Ok(())
}
