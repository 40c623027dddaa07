//! Third-party schedulers that find the leader by `zk://`, where they are installed.

use std::path::Path;
use std::process::Command;

use super::cluster::{Cluster, until};
use super::network::HUB;
use super::process::Process;
use super::{Plan, Store, Verdict, say};
use crate::oracle::Oracle;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// A scheduler that runs one short task after another, and says `ENDED` after each.
#[derive(Debug)]
pub(crate) struct ThirdParty {
    name: &'static str,
    process: Process,
}

/// Starts those that are installed.
pub(crate) fn start(plan: &Plan, cluster: &Cluster) -> Verdict<Vec<ThirdParty>> {
    if plan.store != Store::ZooKeeper {
        // They know no etcd.
        return Ok(Vec::new());
    }
    let Some(installed) = Oracle::folder() else {
        say("LEFT OUT: third-party schedulers: ../shared/oracle/setup.sh was not run");
        return Ok(Vec::new());
    };
    let masters = cluster.spec();
    let start = |name: &'static str, interpreter: &str, script: &str| -> Verdict<ThirdParty> {
        let interpreter = installed.join(interpreter);
        let (libraries, script) = (installed.join("lib"), Path::new(CLIENTS).join(script));
        let masters = masters.clone();
        let process = Process::start(name, &plan.folder, move || {
            let mut command = Command::new(&interpreter);
            command.arg("-u").arg(&script).arg(&masters);
            command.env("LD_LIBRARY_PATH", &libraries).env("LIBPROCESS_IP", HUB);
            command
        })?;
        Ok(ThirdParty { name, process })
    };
    Ok(vec![
        start("libmesos-driver", "py27/bin/python", "old_driver_loop.py")?,
        start("pymesos", "py39/bin/python", "pymesos_loop.py")?,
    ])
}

impl ThirdParty {
    fn ended_tasks(&self) -> usize {
        self.process.log().lines().filter(|line| line.starts_with("ENDED ")).count()
    }

    /// Waits until it has run another task to its end.
    pub(crate) fn check(&mut self, cluster: &mut Cluster) -> Verdict {
        let before = self.ended_tasks();
        until(cluster, &format!("{} to run a task", self.name), |_| {
            self.process.check()?;
            Ok((self.ended_tasks() > before).then_some(()))
        })
    }
}
