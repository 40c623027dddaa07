//! Third-party schedulers, where they are installed: Mesos' own driver and pymesos.
//!
//! With ZooKeeper both find the leader by `zk://`. They know no etcd: there pymesos is told one master and follows its
//! redirections, and Mesos' driver, which follows none, is started again at each new leader with its framework's id, as
//! its users would have to.
//!
//! pymesos ends if a call fails that it makes while it handles an event (its `_send` raises through its event loop), be
//! it by a broken connection or by a 503, whosever master it is: whoever uses it starts it again, and so do we. Mesos'
//! driver must live through everything.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::cluster::{Cluster, MASTERS, until};
use super::network::HUB;
use super::process::Process;
use super::{Plan, Store, Verdict, say};
use crate::oracle::Oracle;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// How long one that does not find the leader may do nothing before it is started again.
const TERM_PATIENCE: Duration = Duration::from_secs(15);

/// A scheduler that runs one short task after another, and says `ENDED` after each.
#[derive(Debug)]
pub(crate) struct ThirdParty {
    name: &'static str,
    script: Script,
    finds: Finds,
    process: Process,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// The master that it was told, if it is told one.
    at: Option<usize>,
    /// When it was last told, or asked for a task.
    told: Instant,
}

#[derive(Clone, Debug)]
struct Script {
    interpreter: PathBuf,
    libraries: PathBuf,
    file: PathBuf,
    folder: PathBuf,
}

/// How it finds the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finds {
    /// By `zk://`.
    ByStore,
    /// From any master.
    ByRedirection,
    /// It does not.
    Never,
}

/// Starts those that are installed.
pub(crate) fn start(plan: &Plan, cluster: &mut Cluster) -> Verdict<Vec<ThirdParty>> {
    let Some(installed) = Oracle::folder() else {
        say("LEFT OUT: third-party schedulers: ../shared/oracle/setup.sh was not run");
        return Ok(Vec::new());
    };
    let has_zookeeper = plan.store == Store::ZooKeeper;
    let finds = |otherwise| if has_zookeeper { Finds::ByStore } else { otherwise };
    let mut start = |name, interpreter: &str, script: &str, finds| {
        let script = Script {
            interpreter: installed.join(interpreter),
            libraries: installed.join("lib"),
            file: Path::new(CLIENTS).join(script),
            folder: plan.folder.clone(),
        };
        ThirdParty::start(name, script, finds, cluster)
    };
    Ok(vec![
        start("libmesos-driver", "py27/bin/python", "old_driver_loop.py", finds(Finds::Never))?,
        start("pymesos", "py39/bin/python", "pymesos_loop.py", finds(Finds::ByRedirection))?,
    ])
}

impl Script {
    fn start(&self, name: &str, master: &str, framework: Option<&str>) -> Verdict<Process> {
        let (script, master) = (self.clone(), master.to_owned());
        let framework = framework.map(str::to_owned);
        Process::start(name, &self.folder, move || {
            let mut command = Command::new(&script.interpreter);
            command.arg("-u").arg(&script.file).arg(&master).args(&framework);
            command.env("LD_LIBRARY_PATH", &script.libraries).env("LIBPROCESS_IP", HUB);
            command
        })
    }
}

impl ThirdParty {
    fn start(name: &'static str, script: Script, finds: Finds, cluster: &mut Cluster) -> Verdict<Self> {
        let at = match finds {
            Finds::ByStore => None,
            Finds::ByRedirection => Some(0),
            Finds::Never => Some(until(cluster, "a leader", |cluster| Ok(cluster.leader()))?),
        };
        let process = script.start(name, &master(at, cluster), None)?;
        Ok(Self { name, script, finds, process, restarts: 0, at, told: Instant::now() })
    }

    fn ended_tasks(&self) -> usize {
        self.process.log().lines().filter(|line| line.starts_with("ENDED ")).count()
    }

    /// Waits until it has run another task to its end.
    pub(crate) fn check(&mut self, cluster: &mut Cluster) -> Verdict {
        let before = self.ended_tasks();
        self.told = Instant::now();
        until(cluster, &format!("{} to run a task", self.name), |cluster| {
            self.keep_up(cluster)?;
            Ok((self.ended_tasks() > before).then_some(()))
        })
    }

    /// Starts it again where its users would.
    fn keep_up(&mut self, cluster: &Cluster) -> Verdict {
        let log = self.process.log();
        if let Some(error) = log.lines().find(|line| line.starts_with("ERROR ")) {
            return Err(format!("{} was told of an error: {error}", self.name));
        }
        match self.finds {
            Finds::Never => {
                self.process.check()?;
                let Some(leader) = cluster.leader() else { return Ok(()) };
                // It does not notice that its master began another term, either.
                if Some(leader) == self.at && self.told.elapsed() < TERM_PATIENCE {
                    return Ok(());
                }
                self.at = Some(leader);
            }
            Finds::ByRedirection | Finds::ByStore if self.name == "pymesos" => {
                if !self.process.has_ended() {
                    return Ok(());
                }
                self.at = self.at.map(|at| (at + 1) % MASTERS);
            }
            Finds::ByRedirection | Finds::ByStore => return self.process.check(),
        }
        let framework = log.lines().find_map(|line| line.strip_prefix("REGISTERED ")?.split(' ').next());
        self.process.kill()?;
        self.process = self.script.start(self.name, &master(self.at, cluster), framework)?;
        self.restarts += 1;
        self.told = Instant::now();
        Ok(())
    }
}

/// What it is told: a master, or the store.
fn master(at: Option<usize>, cluster: &Cluster) -> String {
    at.map_or_else(|| cluster.spec(), |at| cluster.masters[at].address.to_string())
}
