//! Our own binary, as a process.

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::request::get;
use crate::wait::wait_for;

/// A port of the loopback address that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback address has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A daemon that ends with the test.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Daemon {
    /// Starts `binary` with `arguments` and `--ip=127.0.0.1 --port=PORT`, its log in `folder`; returns when it answers
    /// `/health`.
    ///
    /// # Panics
    /// It does not start, or does not answer.
    pub fn start(binary: &str, arguments: &[&str], folder: &Path) -> Self {
        Self::start_at(binary, arguments, folder, &free_port().to_string())
    }

    /// As [`Self::start`], at a port of the test's choice.
    ///
    /// # Panics
    /// It does not start, or does not answer.
    pub fn start_at(binary: &str, arguments: &[&str], folder: &Path, port: &str) -> Self {
        let port: u16 = port.parse().expect("a port is a number");
        let log = folder.join(format!("{}-{port}.log", arguments.first().unwrap_or(&"daemon")));
        let file = std::fs::File::create(&log).expect("the test's folder can be written to");
        let child = Command::new(binary)
            .args(arguments)
            .args(["--ip=127.0.0.1", &format!("--port={port}")])
            .env("MESOS_LOGGING_LEVEL", "INFO")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file can be shared"))
            .stderr(file)
            .spawn()
            .expect("the binary was built for this test");
        let mut daemon = Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), log };
        wait_for("a daemon to answer /health", || {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                panic!("the daemon ended with {status}; it said:\n{}", daemon.log());
            }
            get(daemon.address, "/health").filter(|answer| answer.status == 200)
        });
        daemon
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks for a path until a body satisfies `accept`.
    ///
    /// # Panics
    /// None did within the deadline of [`wait_for`].
    pub fn wait_for_body(&self, path: &str, accept: impl Fn(&str) -> bool) -> String {
        wait_for(path, || get(self.address, path).map(|answer| answer.body).filter(|body| accept(body)))
    }

    /// Sends a signal, such as `-STOP`.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the daemon had ended before");
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// It does not end.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        self.signal("-TERM");
        wait_for("a daemon to end", || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), self.log().as_bytes());
        }
    }
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// Runs a program to its end.
///
/// # Panics
/// It cannot be started.
pub fn run_to_end<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[S]) -> Output {
    let output = Command::new(program.as_ref())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("failed to start `{}`: {error}", program.as_ref().display()));
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
