//! A real Mesos 1.11.0 and its clients, where they are installed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::daemon::free_port;
use crate::request::get;
use crate::wait::wait_for;

/// A real Mesos 1.11.0 master, which ends with the test.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    address: SocketAddr,
}

impl Oracle {
    /// The folder that holds libmesos and the clients: `$ORACLE`, else `tepui-oracle` in the user's cache.
    pub fn folder() -> Option<PathBuf> {
        let cache = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/tepui-oracle"));
        let folder = std::env::var_os("ORACLE").map(PathBuf::from).or_else(cache)?;
        folder.join("py27/bin/python").exists().then_some(folder)
    }

    /// The project's shared folder beside the checkout, which holds the scripts that drive libmesos.
    pub fn scripts() -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracle");
        folder.join("ref/local_cluster.py").exists().then_some(folder)
    }

    /// Starts a master whose own agent has nothing to offer; `None` where it is not installed.
    ///
    /// # Panics
    /// It is installed and does not answer.
    pub fn start(folder: &Path) -> Option<Self> {
        let (installed, scripts) = (Self::folder()?, Self::scripts()?);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new(installed.join("py27/bin/python"))
            .arg(scripts.join("ref/local_cluster.py"))
            .arg("120")
            .current_dir(folder)
            .env("LD_LIBRARY_PATH", installed.join("lib"))
            .env("LIBPROCESS_IP", "127.0.0.1")
            .env("LIBPROCESS_PORT", address.port().to_string())
            .env("MESOS_WORK_DIR", folder.join("mesos"))
            .env("MESOS_SYSTEMD_ENABLE_SUPPORT", "false")
            .env("MESOS_LAUNCHER", "posix")
            .env("MESOS_ISOLATION", "posix/cpu,posix/mem")
            .env("MESOS_RESOURCES", "cpus:0.01;mem:1;disk:1;ports:[]")
            .env("MESOS_NUM_SLAVES", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let oracle = Self { child, address };
        wait_for("a real Mesos to answer", || get(address, "/version").filter(|answer| answer.status == 200));
        Some(oracle)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
