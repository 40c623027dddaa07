//! What goes in and out of a container while it runs.
//!
//! The output of most containers goes straight to the files of their sandbox, and they have no input. Those that somebody
//! looks into (debug containers) or that asked for a terminal are wired to us instead: what they say goes to the same
//! files and to whoever is [attached](Containerizer::attach_output), and one at a time may
//! [write](Containerizer::attach_input) to them.
//!
//! A debug container has a first listener from the start: its output waits until somebody asks for it, so that nothing of a
//! session is lost. A listener that takes nothing for a while is cut off, because the container waits for it.

mod end;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tepui_linux::Terminal;
use tepui_proto::v1;
use tepui_types::ContainerId;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tracing::warn;

use self::end::End;
use crate::launch::Prepared;
use crate::{ContainerClass, ContainerConfig, Containerizer, LaunchError};

/// How much is read at a time.
const PIECE_BYTES: usize = 16 << 10;

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

/// Our ends of a container's input and output.
#[derive(Debug)]
pub(crate) struct Switchboard {
    is_terminal: bool,
    /// None once it was closed.
    input: Mutex<Option<Arc<End>>>,
    is_input_taken: AtomicBool,
    listeners: Mutex<Listeners>,
}

#[derive(Debug)]
struct Listeners {
    senders: Vec<mpsc::Sender<OutputPiece>>,
    /// The first listener of a debug container, until somebody is it.
    first: Option<mpsc::Receiver<OutputPiece>>,
    /// How many of the streams are still open.
    open: usize,
}

/// Our ends before the container runs.
#[derive(Debug)]
pub(crate) struct Wires {
    input: File,
    outputs: Vec<(OutputStream, File, File)>,
    is_terminal: bool,
    has_first: bool,
}

/// Puts us between a container and its files, if it is one that needs it.
pub(crate) fn wire(config: &ContainerConfig, prepared: &mut Prepared) -> Result<Option<Wires>, LaunchError> {
    let terminal = config.container.as_ref().and_then(|container| container.tty_info.as_ref());
    let is_debug = config.class == ContainerClass::Debug;
    let failed = |source| LaunchError::Start { step: "wire the container".to_owned(), source };
    match terminal {
        Some(info) => wire_terminal(config, info, prepared, is_debug).map(Some).map_err(failed),
        None if is_debug => wire_pipes(prepared).map(Some).map_err(failed),
        None => Ok(None),
    }
}

fn wire_terminal(
    config: &ContainerConfig,
    info: &v1::TtyInfo,
    prepared: &mut Prepared,
    has_first: bool,
) -> io::Result<Wires> {
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
    let outputs = vec![(OutputStream::Stdout, ours.try_clone()?, log)];
    Ok(Wires { input: ours, outputs, is_terminal: true, has_first })
}

fn wire_pipes(prepared: &mut Prepared) -> io::Result<Wires> {
    let (stdin, input) = io::pipe()?;
    let (out, stdout) = io::pipe()?;
    let (err, stderr) = io::pipe()?;
    let file = |pipe: std::os::fd::OwnedFd| File::from(pipe);
    prepared.stdin = file(stdin.into());
    let out_log = std::mem::replace(&mut prepared.stdout, file(stdout.into()));
    let err_log = std::mem::replace(&mut prepared.stderr, file(stderr.into()));
    let outputs = vec![
        (OutputStream::Stdout, file(out.into()), out_log),
        (OutputStream::Stderr, file(err.into()), err_log),
    ];
    Ok(Wires { input: file(input.into()), outputs, is_terminal: false, has_first: true })
}

fn saturated(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl Wires {
    /// Begins to pass on what the container says; the work is given back, one for each stream.
    pub(crate) fn connect(
        self,
    ) -> io::Result<(Arc<Switchboard>, Vec<impl Future<Output = ()> + Send + 'static>)> {
        let Self { input, outputs, is_terminal, has_first } = self;
        let (sender, first) = mpsc::channel(MAX_PIECES);
        let listeners = Listeners {
            senders: if has_first { vec![sender] } else { Vec::new() },
            first: has_first.then_some(first),
            open: outputs.len(),
        };
        let switchboard = Arc::new(Switchboard {
            is_terminal,
            input: Mutex::new(Some(Arc::new(End::new(input)?))),
            is_input_taken: AtomicBool::new(false),
            listeners: Mutex::new(listeners),
        });
        let mut work = Vec::new();
        for (stream, from, log) in outputs {
            work.push(pass_on(Arc::clone(&switchboard), stream, End::new(from)?, log));
        }
        Ok((switchboard, work))
    }
}

/// Passes on what a container says until it says nothing more.
async fn pass_on(switchboard: Arc<Switchboard>, stream: OutputStream, from: End, log: File) {
    let mut log = tokio::fs::File::from_std(log);
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let count = match from.read(&mut buffer).await {
            // A terminal that nobody is in any more is broken.
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let data = buffer[..count].to_vec();
        let written = async {
            log.write_all(&data).await?;
            log.flush().await
        };
        if let Err(error) = written.await {
            warn!(%error, "failed to keep what a container said");
        }
        switchboard.tell(&OutputPiece { stream, data }).await;
    }
    switchboard.end();
}

impl Switchboard {
    async fn tell(&self, piece: &OutputPiece) {
        let senders = self.lock().senders.clone();
        for sender in senders {
            if sender.send_timeout(piece.clone(), PATIENCE).await.is_err() {
                self.lock().senders.retain(|other| !other.same_channel(&sender));
            }
        }
    }

    /// One of the streams has ended; with the last one the listeners are told so.
    fn end(&self) {
        let mut listeners = self.lock();
        listeners.open = listeners.open.saturating_sub(1);
        if listeners.open == 0 {
            listeners.senders.clear();
        }
    }

    fn attach_output(&self) -> Result<mpsc::Receiver<OutputPiece>, AttachError> {
        let mut listeners = self.lock();
        if let Some(first) = listeners.first.take() {
            return Ok(first);
        }
        if listeners.open == 0 {
            return Err(AttachError::Ended);
        }
        let (sender, receiver) = mpsc::channel(MAX_PIECES);
        listeners.senders.push(sender);
        Ok(receiver)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Listeners> {
        // Nothing panics while it holds the lock halfway through a change.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self) -> std::sync::MutexGuard<'_, Option<Arc<End>>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The input of a container, as long as it is held.
#[derive(Debug)]
pub struct ContainerInput(Arc<Switchboard>);

impl ContainerInput {
    /// Writes to the container, as fast as it reads. Nothing at all closes its input, if it has no terminal.
    pub async fn write(&self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            if !self.0.is_terminal {
                self.0.input().take();
            }
            return Ok(());
        }
        let end = self.0.input().clone();
        end.ok_or(io::ErrorKind::BrokenPipe)?.write(data).await
    }

    /// Tells those in the container's terminal how many characters it shows.
    pub fn set_window_size(&self, rows: u32, columns: u32) -> io::Result<()> {
        let end = self.0.input().clone().ok_or(io::ErrorKind::BrokenPipe)?;
        tepui_linux::set_window_size(end.as_fd(), saturated(rows), saturated(columns))
    }
}

impl Drop for ContainerInput {
    fn drop(&mut self) {
        self.0.is_input_taken.store(false, Ordering::Release);
    }
}

impl Containerizer {
    /// What a container says from now on; of a debug container, the first time, from its start. It ends with the container.
    pub fn attach_output(&self, id: &ContainerId) -> Result<mpsc::Receiver<OutputPiece>, AttachError> {
        self.switchboard(id)?.attach_output()
    }

    /// The input of a container.
    pub fn attach_input(&self, id: &ContainerId) -> Result<ContainerInput, AttachError> {
        let switchboard = self.switchboard(id)?;
        if switchboard.is_input_taken.swap(true, Ordering::Acquire) {
            return Err(AttachError::InputTaken);
        }
        Ok(ContainerInput(switchboard))
    }

    fn switchboard(&self, id: &ContainerId) -> Result<Arc<Switchboard>, AttachError> {
        let state = self.shared.lock();
        let container = state.containers.get(id).ok_or_else(|| AttachError::Unknown(id.clone()))?;
        container.switchboard.clone().ok_or(AttachError::Disabled)
    }
}
