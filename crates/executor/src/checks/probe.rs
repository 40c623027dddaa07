//! What a check does: runs a command, asks a web server, or opens a connection.
//!
//! Executor and task share a network, so the last two are done from here. A command runs beside the task, or in a container
//! within the task's, which the agent makes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tepui_linux::{Output, Process, Signal, Spawn};
use tepui_proto::v1::check_info::Type;
use tepui_proto::v1::{self, CheckStatusInfo, check_status_info};
use tepui_types::format_duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;

use super::checker::{Outcome, empty_status};
use super::web;
use crate::default::CheckContainer;
use crate::variables::{Variables, overlay};

/// Where commands run.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// As processes of ours.
    Beside(Arc<Beside>),
    /// In a container within the task's.
    InContainer(Arc<CheckContainer>),
}

/// What processes of ours are given.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) directory: PathBuf,
    pub(crate) variables: Variables,
    pub(crate) children: Children,
}

/// The processes of checks, so that whoever reaps orphans leaves them to us.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children(Arc<Mutex<BTreeSet<u32>>>);

impl Children {
    /// Their ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<u32>) -> bool) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// One check, ready to be made again and again.
#[derive(Debug)]
pub(crate) enum Probe {
    Command { command: Box<v1::CommandInfo>, place: Place },
    Http { url: String },
    Tcp { host: &'static str, port: u16 },
}

impl Probe {
    pub(crate) fn of_check(check: &v1::CheckInfo, place: Place) -> Result<Self, String> {
        match (check.r#type(), &check.command, &check.http, &check.tcp) {
            (Type::Command, Some(command), ..) => {
                Ok(Self::Command { command: Box::new(command.command.clone()), place })
            }
            (Type::Http, _, Some(http), _) => Ok(Self::http("http", http.port, http.path(), false)?),
            (Type::Tcp, .., Some(tcp)) => Ok(Self::Tcp { host: LOOPBACK, port: port(tcp.port)? }),
            (kind, ..) => Err(format!("a check of type `{}` without its settings", kind.as_str_name())),
        }
    }

    pub(crate) fn of_health_check(check: &v1::HealthCheck, place: Place) -> Result<Self, String> {
        use v1::health_check::Type;
        let is_v6 = |protocol| protocol == v1::network_info::Protocol::IPv6;
        match (check.r#type(), &check.command, &check.http, &check.tcp) {
            (Type::Command, Some(command), ..) => {
                Ok(Self::Command { command: Box::new(command.clone()), place })
            }
            (Type::Http, _, Some(http), _) => {
                let scheme = http.scheme.as_deref().unwrap_or("http");
                Self::http(scheme, http.port, http.path(), is_v6(http.protocol()))
            }
            (Type::Tcp, .., Some(tcp)) => {
                let host = if is_v6(tcp.protocol()) { LOOPBACK_V6 } else { LOOPBACK };
                Ok(Self::Tcp { host, port: port(tcp.port)? })
            }
            (kind, ..) => {
                Err(format!("a health check of type `{}` without its settings", kind.as_str_name()))
            }
        }
    }

    fn http(scheme: &str, at: u32, path: &str, is_v6: bool) -> Result<Self, String> {
        let host = if is_v6 { "[::1]" } else { LOOPBACK };
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self::Http { url: format!("{scheme}://{host}:{}{slash}{path}", port(at)?) })
    }

    /// Makes the check, within a time.
    pub(crate) async fn run(&self, timeout: Option<Duration>) -> Outcome {
        let run = self.run_without_end();
        let Some(limit) = timeout else { return run.await };
        let what = match self {
            Self::Command { .. } => "Command",
            Self::Http { .. } => "The request",
            Self::Tcp { .. } => "The connection",
        };
        match tokio::time::timeout(limit, run).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(format!("{what} timed out after {}", format_duration(limit))),
        }
    }

    async fn run_without_end(&self) -> Outcome {
        match self {
            Self::Command { command, place: Place::Beside(beside) } => {
                exited(command_beside(command, beside).await.map_err(|error| error.to_string()))
            }
            Self::Command { command, place: Place::InContainer(container) } => {
                match container.run(command).await {
                    Some(status) => exited(status),
                    None => Outcome::Unavailable,
                }
            }
            Self::Http { url } => match web::status_code(url).await {
                Ok(code) => Outcome::Done(CheckStatusInfo {
                    http: Some(check_status_info::Http { status_code: Some(code) }),
                    ..empty_status(Type::Http)
                }),
                Err(why) => Outcome::Failed(why),
            },
            Self::Tcp { host, port } => {
                let succeeded = Some(TcpStream::connect((*host, *port)).await.is_ok());
                Outcome::Done(CheckStatusInfo {
                    tcp: Some(check_status_info::Tcp { succeeded }),
                    ..empty_status(Type::Tcp)
                })
            }
        }
    }
}

const LOOPBACK: &str = "127.0.0.1";
const LOOPBACK_V6: &str = "::1";

fn port(port: u32) -> Result<u16, String> {
    u16::try_from(port).map_err(|_| format!("`{port}` is no port"))
}

/// What the end of a command means.
fn exited(status: Result<ExitStatus, String>) -> Outcome {
    let status = match status {
        Ok(status) => status,
        Err(why) => return Outcome::Failed(why),
    };
    if let Some(code) = status.code() {
        return Outcome::Done(CheckStatusInfo {
            command: Some(check_status_info::Command { exit_code: Some(code) }),
            ..empty_status(Type::Command)
        });
    }
    let signal = status.signal().map_or_else(String::new, |signal| Signal::from_raw(signal).to_string());
    Outcome::Failed(format!("Command terminated with signal {signal}"))
}

/// Runs a command as a process of ours; cut off, it is killed with all that it started.
async fn command_beside(command: &v1::CommandInfo, beside: &Beside) -> io::Result<ExitStatus> {
    let value = command.value.clone().unwrap_or_default();
    let (program, arguments): (OsString, Vec<OsString>) = if command.shell() {
        ("/bin/sh".into(), ["sh".into(), "-c".into(), value.into()].to_vec())
    } else {
        (value.into(), command.arguments.iter().map(OsString::from).collect())
    };
    let mut environment = beside.variables.clone();
    overlay(&mut environment, command.environment.as_ref());
    // What a check says is no output of the task.
    let stderr = || io::stderr().as_fd().try_clone_to_owned().map(|stderr| Output::File(stderr.into()));
    let spawn = Spawn {
        program,
        arguments,
        environment,
        directory: beside.directory.clone(),
        stdout: stderr()?,
        stderr: stderr()?,
        credentials: None,
        parent_death_signal: Some(Signal::KILL),
    };
    let process = spawn.spawn()?;
    beside.children.change(|children| children.insert(process.pid()));
    let mut running = Running { process, children: &beside.children, has_ended: false };
    running.wait().await
}

struct Running<'a> {
    process: Process,
    children: &'a Children,
    has_ended: bool,
}

impl Running<'_> {
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        {
            #[expect(
                deprecated,
                reason = "its successor is unsafe; a `PidFd` is one open descriptor for as long as it is borrowed"
            )]
            let handle = AsyncFd::with_interest(self.process.handle().as_fd(), Interest::READABLE)?;
            handle.readable().await.map(drop)?;
        }
        let status = self.process.wait();
        self.has_ended = true;
        status
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let pid = self.process.pid();
        if !self.has_ended {
            if tepui_linux::kill_trees(&[pid]).is_err() {
                let _ = Signal::KILL.send(pid);
            }
            let _ = self.process.wait();
        }
        self.children.change(|children| children.remove(&pid));
    }
}
