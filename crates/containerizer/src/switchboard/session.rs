//! The input and output of a debug container, in the agent.
//!
//! There is a first listener from the start: the output waits until somebody asks for it, so that nothing is lost.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tepui_proto::v1;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tracing::warn;

use super::end::End;
use super::{AttachError, MAX_PIECES, OutputPiece, OutputStream, PATIENCE};
use crate::ContainerConfig;
use crate::launch::Prepared;

/// How much is read at a time.
const PIECE_BYTES: usize = 16 << 10;

/// Our ends of a container's input and output.
#[derive(Debug)]
pub(super) struct Session {
    is_terminal: bool,
    /// None once it was closed.
    input: Mutex<Option<Arc<End>>>,
    listeners: Arc<Mutex<Listeners>>,
}

#[derive(Debug)]
struct Listeners {
    senders: Vec<mpsc::Sender<OutputPiece>>,
    /// The first listener, until somebody is it.
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
}

pub(super) fn wire_terminal(
    config: &ContainerConfig,
    info: &v1::TtyInfo,
    prepared: &mut Prepared,
) -> io::Result<Wires> {
    let (ours, log) = super::give_terminal(config, info, prepared)?;
    let outputs = vec![(OutputStream::Stdout, ours.try_clone()?, log)];
    Ok(Wires { input: ours, outputs, is_terminal: true })
}

pub(super) fn wire_pipes(prepared: &mut Prepared) -> io::Result<Wires> {
    let (stdin, input) = io::pipe()?;
    prepared.stdin = File::from(std::os::fd::OwnedFd::from(stdin));
    let (out, out_log) = super::give_pipe(&mut prepared.stdout)?;
    let (err, err_log) = super::give_pipe(&mut prepared.stderr)?;
    let outputs = vec![(OutputStream::Stdout, out, out_log), (OutputStream::Stderr, err, err_log)];
    Ok(Wires { input: File::from(std::os::fd::OwnedFd::from(input)), outputs, is_terminal: false })
}

impl Wires {
    /// Begins to pass on what the container says; the work is given back, one for each stream.
    pub(super) fn connect(
        self,
    ) -> io::Result<(Session, Vec<impl Future<Output = ()> + Send + 'static + use<>>)> {
        let Self { input, outputs, is_terminal } = self;
        let (sender, first) = mpsc::channel(MAX_PIECES);
        let listeners = Listeners { senders: vec![sender], first: Some(first), open: outputs.len() };
        let listeners = Arc::new(Mutex::new(listeners));
        let input = Mutex::new(Some(Arc::new(End::new(input)?)));
        let session = Session { is_terminal, input, listeners: Arc::clone(&listeners) };
        let mut work = Vec::new();
        for (stream, from, log) in outputs {
            work.push(pass_on(Arc::clone(&listeners), stream, End::new(from)?, log));
        }
        Ok((session, work))
    }
}

/// Passes on what a container says until it says nothing more.
async fn pass_on(listeners: Arc<Mutex<Listeners>>, stream: OutputStream, from: End, log: File) {
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
        tell(&listeners, &OutputPiece { stream, data }).await;
    }
    // With the last of the streams the listeners are told that it has ended.
    let mut listeners = lock(&listeners);
    listeners.open = listeners.open.saturating_sub(1);
    if listeners.open == 0 {
        listeners.senders.clear();
    }
}

async fn tell(listeners: &Mutex<Listeners>, piece: &OutputPiece) {
    let senders = lock(listeners).senders.clone();
    for sender in senders {
        if sender.send_timeout(piece.clone(), PATIENCE).await.is_err() {
            lock(listeners).senders.retain(|other| !other.same_channel(&sender));
        }
    }
}

/// Nothing panics while it holds the lock halfway through a change.
fn lock(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    pub(super) fn attach_output(&self) -> Result<mpsc::Receiver<OutputPiece>, AttachError> {
        let mut listeners = lock(&self.listeners);
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

    pub(super) async fn write(&self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            if !self.is_terminal {
                self.input().take();
            }
            return Ok(());
        }
        let end = self.input().clone();
        end.ok_or(io::ErrorKind::BrokenPipe)?.write(data).await
    }

    pub(super) fn set_window_size(&self, rows: u16, columns: u16) -> io::Result<()> {
        let end = self.input().clone().ok_or(io::ErrorKind::BrokenPipe)?;
        tepui_linux::set_window_size(end.as_fd(), rows, columns)
    }

    fn input(&self) -> MutexGuard<'_, Option<Arc<End>>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
