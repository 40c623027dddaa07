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

    /// A master in a process that ends by itself after so many seconds. Its other settings are still to be said, as
    /// variables of the environment. `None` where it is not installed.
    pub fn command(folder: &Path, address: SocketAddr, seconds: u32) -> Option<Command> {
        let (installed, scripts) = (Self::folder()?, Self::scripts()?);
        let mut command = Command::new(installed.join("py27/bin/python"));
        command
            .arg(scripts.join("ref/local_cluster.py"))
            .arg(seconds.to_string())
            .current_dir(folder)
            .env("LD_LIBRARY_PATH", installed.join("lib"))
            .env("LIBPROCESS_IP", "127.0.0.1")
            .env("LIBPROCESS_PORT", address.port().to_string())
            .env("MESOS_WORK_DIR", folder.join("mesos"))
            .env("MESOS_SYSTEMD_ENABLE_SUPPORT", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Some(command)
    }

    /// The same with an agent; what the agent offers is still to be said.
    fn with_agent(folder: &Path, address: SocketAddr) -> Option<Command> {
        let mut command = Self::command(folder, address, 120)?;
        command
            .env("MESOS_LAUNCHER", "posix")
            .env("MESOS_ISOLATION", "posix/cpu,posix/mem")
            .env("MESOS_NUM_SLAVES", "1");
        Some(command)
    }

    /// Starts a master whose own agent has nothing to offer; `None` where it is not installed.
    ///
    /// # Panics
    /// It is installed and does not answer.
    pub fn start(folder: &Path) -> Option<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Self::with_agent(folder, address)?;
        let child = command.env("MESOS_RESOURCES", "cpus:0.01;mem:1;disk:1;ports:[]").spawn().ok()?;
        let oracle = Self { child, address };
        answers(address);
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

/// A real Mesos 1.11.0 whose own agent runs tasks, as far as the package allows: stand-ins launch, fetch and execute.
#[derive(Debug)]
pub struct OracleAgent {
    oracle: Oracle,
    /// Executors reach the agent through a process that puts its name before their paths.
    proxy: Child,
    work_dir: PathBuf,
}

impl OracleAgent {
    /// What the agent has to offer.
    pub const RESOURCES: &str = "cpus:4;mem:4096;disk:4096;ports:[31000-32000]";

    /// Starts it; `None` where it is not installed.
    ///
    /// # Panics
    /// It is installed and does not answer, or the folder cannot be written to.
    pub fn start(folder: &Path) -> Option<Self> {
        let (installed, scripts) = (Oracle::folder()?, Oracle::scripts()?);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let proxy_port = free_port().to_string();
        let programs = folder.join("libexec");
        std::fs::create_dir(&programs).expect("the test's folder can be written to");
        for program in ["mesos-containerizer", "mesos-executor", "mesos-fetcher"] {
            let path = scripts.join("ref/libexec").join(program);
            let script = std::fs::read_to_string(path).expect("it is in the shared folder");
            let (_, rest) = script.split_once('\n').expect("a script has lines");
            let python = if program == "mesos-executor" {
                installed.join("py39/bin/python").display().to_string()
            } else {
                "/usr/bin/env python3".to_owned()
            };
            let path = programs.join(program);
            std::fs::write(&path, format!("#!{python}\n{rest}"))
                .expect("the test's folder can be written to");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).expect("the file is ours");
        }
        std::fs::write(programs.join("agent_endpoint"), format!("127.0.0.1:{proxy_port}"))
            .expect("the test's folder can be written to");
        let proxy = Command::new("python3")
            .arg(scripts.join("recproxy.py"))
            .args([&proxy_port, &address.to_string()])
            .arg(folder.join("executor-wire.log"))
            .arg("/slave(1)")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let child = Oracle::with_agent(folder, address)?
            .env("MESOS_LAUNCHER_DIR", &programs)
            .env("MESOS_RUNTIME_DIR", folder.join("mesos-runtime"))
            .env("MESOS_RESOURCES", Self::RESOURCES)
            .spawn()
            .ok()?;
        // The package's way to run an agent beside a master puts it there.
        let work_dir = folder.join("mesos/agents/0/work");
        let started = Self { oracle: Oracle { child, address }, proxy, work_dir };
        answers(address);
        Some(started)
    }

    /// Where master and agent listen.
    pub fn address(&self) -> SocketAddr {
        self.oracle.address
    }

    /// The agent's work folder.
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// Kills master and agent with SIGKILL. Executors live on, and may reach whoever listens at the address next.
    ///
    /// # Panics
    /// They had ended before.
    pub fn kill(&mut self) {
        self.oracle.child.kill().expect("it runs");
        self.oracle.child.wait().expect("it was started");
    }
}

impl Drop for OracleAgent {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn answers(address: SocketAddr) {
    wait_for("a real Mesos to answer", || get(address, "/version").filter(|answer| answer.status == 200));
}
