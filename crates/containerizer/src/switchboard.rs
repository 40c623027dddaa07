//! What goes in and out of a container while it runs.
//!
//! The output of most containers goes straight to the files of their sandbox, and they have no input. Three kinds differ:
//!
//! - One that asked for a terminal has a process of its own beside it, the *server*, which has the other end of the terminal.
//!   It writes what the container says to the sandbox' files and to whoever is [attached](Containerizer::attach_output), and
//!   one at a time may [write](Containerizer::attach_input) to it. It outlives the agent, as the container does.
//! - One whose files are [not to become too large](crate::LoggerSettings) has such a server too, which nobody attaches to.
//! - One that looks into another (a debug container) ends with the agent in any case, so its *session* is in the agent.
//!
//! A reader that takes nothing for a while is cut off, because the container waits for it.

mod end;
mod protocol;
mod server;
mod session;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tepui_linux::Terminal;
use tepui_proto::v1;
use tepui_types::ContainerId;
use tokio::sync::mpsc;

pub use server::switchboard_process;
pub(crate) use server::{finish, found};

use self::server::Server;
use self::session::Session;
use crate::containerizer::Shared;
use crate::launch::Prepared;
use crate::{ContainerClass, ContainerConfig, Containerizer, LaunchError};

/// How many pieces wait for a listener.
const MAX_PIECES: usize = 16;

/// How long the container waits for a listener that takes nothing.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a container said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPiece {
    /// Where.
    pub stream: OutputStream,
    /// What, never nothing.
    pub data: Vec<u8>,
}

/// Where a container said something. A terminal has no standard error of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputStream {
    /// To its standard output.
    Stdout,
    /// To its standard error.
    Stderr,
}

/// A container whose input or output cannot be had. The texts are Mesos'.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is none.
    #[error("Container {0} cannot be found")]
    Unknown(ContainerId),
    /// It was started without.
    #[error("I/O switchboard server was disabled for this container")]
    Disabled,
    /// All that it will ever say has been said.
    #[error("I/O switchboard has shutdown")]
    Ended,
    /// Somebody else writes to it.
    #[error("Multiple input connections are not allowed")]
    InputTaken,
}

/// Who has the other ends of a container's input and output, and whether somebody writes to it.
#[derive(Debug)]
pub(crate) struct Switchboard {
    is_input_taken: AtomicBool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Session(Session),
    Server(Server),
}

/// Our ends before the container runs.
#[derive(Debug)]
pub(crate) enum Wires {
    Session(session::Wires),
    Server(Server),
}

/// Puts us, or a server, between a container and its files, if it is one that needs it. Blocks.
pub(crate) fn wire(
    shared: &Shared,
    config: &ContainerConfig,
    prepared: &mut Prepared,
    folder: &Path,
) -> Result<Option<Wires>, LaunchError> {
    let terminal = config.container.as_ref().and_then(|container| container.tty_info.as_ref());
    if config.class == ContainerClass::Debug {
        let wired = match terminal {
            Some(info) => session::wire_terminal(config, info, prepared),
            None => session::wire_pipes(prepared),
        };
        return wired.map(Wires::Session).map(Some).map_err(failed);
    }
    let limits = shared.logger.as_ref().map(|logger| logger.for_command(&config.command)).transpose()?;
    if terminal.is_none() && limits.is_none() {
        return Ok(None);
    }
    let server = server::start(shared, config, terminal, limits.unwrap_or_default(), prepared, folder)?;
    Ok(server.map(Wires::Server))
}

fn failed(source: io::Error) -> LaunchError {
    LaunchError::Start { step: "wire the container".to_owned(), source }
}

/// Gives the container a terminal; our end of it is given back, and the file that its output was to go to.
fn give_terminal(
    config: &ContainerConfig,
    info: &v1::TtyInfo,
    prepared: &mut Prepared,
) -> io::Result<(File, File)> {
    let Terminal { ours, theirs, path } = tepui_linux::open_terminal()?;
    if let Some(user) = &prepared.plan.user {
        std::os::unix::fs::chown(path, Some(user.uid), None)?;
    }
    if let Some(size) = &info.window_size {
        tepui_linux::set_window_size(ours.as_fd(), saturated(size.rows), saturated(size.columns))?;
    }
    // An executor is not in the terminal itself: its task is, and an interrupt is for that.
    prepared.plan.has_terminal = config.container_id.parent().is_some() || config.is_standalone;
    prepared.stdin = theirs.try_clone()?;
    let log = std::mem::replace(&mut prepared.stdout, theirs.try_clone()?);
    prepared.stderr = theirs;
    Ok((ours, log))
}

/// Makes a pipe of one of the outputs; its other end is given back, and the file that the output was to go to.
fn give_pipe(output: &mut File) -> io::Result<(File, File)> {
    let (ours, theirs) = io::pipe()?;
    let log = std::mem::replace(output, File::from(std::os::fd::OwnedFd::from(theirs)));
    Ok((File::from(std::os::fd::OwnedFd::from(ours)), log))
}

fn saturated(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl Wires {
    /// Begins to pass on what the container says; what is to be done in the agent is given back.
    pub(crate) fn connect(
        self,
    ) -> io::Result<(Arc<Switchboard>, Vec<impl Future<Output = ()> + Send + 'static>)> {
        let (kind, work) = match self {
            Self::Session(wires) => {
                let (session, work) = wires.connect()?;
                (Kind::Session(session), work)
            }
            Self::Server(server) => (Kind::Server(server), Vec::new()),
        };
        Ok((Arc::new(Switchboard::new(kind)), work))
    }
}

impl Switchboard {
    fn new(kind: Kind) -> Self {
        Self { is_input_taken: AtomicBool::new(false), kind }
    }
}

/// The input of a container, as long as it is held.
#[derive(Debug)]
pub struct ContainerInput {
    switchboard: Arc<Switchboard>,
    /// The way to the server, if there is one.
    connection: Option<server::InputConnection>,
}

impl ContainerInput {
    /// Writes to the container, as fast as it reads. Nothing at all closes its input, if it has no terminal.
    pub async fn write(&self, data: &[u8]) -> io::Result<()> {
        match (&self.connection, &self.switchboard.kind) {
            (Some(connection), _) => connection.write(data).await,
            (None, Kind::Session(session)) => session.write(data).await,
            (None, Kind::Server(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Tells those in the container's terminal how many characters it shows.
    pub async fn set_window_size(&self, rows: u32, columns: u32) -> io::Result<()> {
        match (&self.connection, &self.switchboard.kind) {
            (Some(connection), _) => connection.set_window_size(rows, columns).await,
            (None, Kind::Session(session)) => session.set_window_size(saturated(rows), saturated(columns)),
            (None, Kind::Server(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for ContainerInput {
    fn drop(&mut self) {
        self.switchboard.is_input_taken.store(false, Ordering::Release);
    }
}

impl Containerizer {
    /// What a container says from now on; of a debug container, the first time, from its start. It ends with the container.
    pub async fn attach_output(&self, id: &ContainerId) -> Result<mpsc::Receiver<OutputPiece>, AttachError> {
        match &self.switchboard(id)?.kind {
            Kind::Session(session) => session.attach_output(),
            Kind::Server(server) => server.attach_output().await,
        }
    }

    /// The input of a container.
    pub async fn attach_input(&self, id: &ContainerId) -> Result<ContainerInput, AttachError> {
        let switchboard = self.switchboard(id)?;
        if switchboard.is_input_taken.swap(true, Ordering::Acquire) {
            return Err(AttachError::InputTaken);
        }
        // From here on it is free again when this is dropped.
        let mut input = ContainerInput { switchboard, connection: None };
        if let Kind::Server(server) = &input.switchboard.kind {
            input.connection = Some(server.attach_input().await?);
        }
        Ok(input)
    }

    fn switchboard(&self, id: &ContainerId) -> Result<Arc<Switchboard>, AttachError> {
        let state = self.shared.lock();
        let container = state.containers.get(id).ok_or_else(|| AttachError::Unknown(id.clone()))?;
        container.switchboard.clone().ok_or(AttachError::Disabled)
    }
}
