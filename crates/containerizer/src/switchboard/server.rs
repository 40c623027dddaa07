//! The agent's side of a container's server: starting it, finding it again, and what is said to it.
//!
//! It listens in the container's runtime folder, is forked by the launcher as the container is, and runs as the container's
//! user. It has the only other ends of the container's output, so it ends when everybody in the container has.

mod process;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc};
use tracing::warn;

pub use process::switchboard_process;

use self::process::Job;
use super::{
    AttachError, Kind, MAX_PIECES, OutputPiece, OutputStream, Switchboard, failed, give_pipe, give_terminal,
    protocol, saturated,
};
use crate::containerizer::Shared;
use crate::launch::Prepared;
use crate::launcher::Plan;
use crate::logger::Limits;
use crate::{ContainerConfig, LaunchError, start};

/// The socket of a server that may be attached to.
const TERMINAL_SOCKET: &str = "terminal.sock";

/// The socket of a server that only writes files.
const LOGGER_SOCKET: &str = "logger.sock";

/// How long a server may take for the last words of a container that has ended. Mesos' time.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A server that may be attached to.
#[derive(Debug)]
pub(crate) struct Server {
    socket: PathBuf,
}

/// Starts the server of a container, and gives its ends to the container. Gives the server if it may be attached to.
pub(super) fn start(
    shared: &Shared,
    config: &ContainerConfig,
    terminal: Option<&v1::TtyInfo>,
    limits: Limits,
    prepared: &mut Prepared,
    folder: &Path,
) -> Result<Option<Server>, LaunchError> {
    let socket = folder.join(if terminal.is_some() { TERMINAL_SOCKET } else { LOGGER_SOCKET });
    remove_sockets(folder).map_err(failed)?;
    let listener = through_folder(&socket, |path| UnixListener::bind(path)).map_err(failed)?;
    let (stdout, stderr) = if let Some(info) = terminal {
        let (ours, _) = give_terminal(config, info, prepared).map_err(failed)?;
        (ours, File::open("/dev/null").map_err(failed)?)
    } else {
        let (stdout, _) = give_pipe(&mut prepared.stdout).map_err(failed)?;
        (stdout, give_pipe(&mut prepared.stderr).map_err(failed)?.0)
    };
    let job = Job { is_terminal: terminal.is_some(), sandbox: config.sandbox.clone(), limits };
    let (Some(program), Ok(job)) = (shared.launcher.program(), serde_json::to_string(&job)) else {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    };
    let plan = Plan {
        container: format!("{}/switchboard", config.container_id),
        program: program.clone(),
        arguments: vec![program, "switchboard".to_owned(), job],
        environment: vec![format!("PATH={}", crate::environment::DEFAULT_PATH)],
        directory: "/".to_owned(),
        user: prepared.plan.user.clone(),
        ..Plan::default()
    };
    let files = Prepared { plan, stdin: File::from(OwnedFd::from(listener)), stdout, stderr };
    start::start(&shared.launcher, files)?.wait()?;
    Ok(terminal.is_some().then_some(Server { socket }))
}

/// Removes what a launch has left that ended with its agent: the container never was, and its server ended for want of it.
fn remove_sockets(folder: &Path) -> io::Result<()> {
    for name in [TERMINAL_SOCKET, LOGGER_SOCKET] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The server of a container that an earlier agent has started, if it may be attached to.
pub(crate) fn found(folder: &Path) -> Option<Arc<Switchboard>> {
    let socket = folder.join(TERMINAL_SOCKET);
    socket.exists().then(|| Arc::new(Switchboard::new(Kind::Server(Server { socket }))))
}

/// Waits until the server of a container has written all that the container said. All in the container have ended, so only
/// somebody outside of it can keep the server; then it is ended. Blocks.
pub(crate) fn finish(folder: &Path) {
    for name in [TERMINAL_SOCKET, LOGGER_SOCKET] {
        let socket = folder.join(name);
        if !socket.exists() {
            continue;
        }
        // Without a server this fails, and there is nothing to wait for.
        if await_end(&socket, protocol::END).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            warn!(socket = %socket.display(), "the output of a container does not end with it");
            let _ = await_end(&socket, protocol::ABORT);
        }
    }
}

fn await_end(socket: &Path, what: u8) -> io::Result<()> {
    let mut server = through_folder(socket, |path| UnixStream::connect(path))?;
    server.set_read_timeout(Some(LAST_WORDS))?;
    protocol::ask(&mut server, what)?;
    // It says nothing more, so this is its end.
    server.read(&mut [0]).map(drop)
}

/// The path of a socket is short; through its open folder it is short enough wherever that is.
fn through_folder<T>(socket: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = File::open(socket.parent().unwrap_or(socket))?;
    let name = socket.file_name().unwrap_or_default();
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

impl Server {
    pub(super) async fn attach_output(&self) -> Result<mpsc::Receiver<OutputPiece>, AttachError> {
        let mut server = self.connect(protocol::OUTPUT).await?;
        let (sender, receiver) = mpsc::channel(MAX_PIECES);
        // It ends with the container, or when nobody listens any more.
        tokio::spawn(async move {
            while let Ok(Some(piece)) = next_piece(&mut server).await
                && sender.send(piece).await.is_ok()
            {}
        });
        Ok(receiver)
    }

    pub(super) async fn attach_input(&self) -> Result<InputConnection, AttachError> {
        Ok(InputConnection(Mutex::new(self.connect(protocol::INPUT).await?)))
    }

    async fn connect(&self, what: u8) -> Result<tokio::net::UnixStream, AttachError> {
        let connect = async {
            let server = through_folder(&self.socket, |path| UnixStream::connect(path))?;
            server.set_nonblocking(true)?;
            let mut server = tokio::net::UnixStream::from_std(server)?;
            server.write_all(&[what]).await?;
            server.read_u8().await?;
            Ok::<_, io::Error>(server)
        };
        // Whatever is wrong: it does not serve any more.
        connect.await.map_err(|_| AttachError::Ended)
    }
}

async fn next_piece(server: &mut tokio::net::UnixStream) -> io::Result<Option<OutputPiece>> {
    let mut head = [0; protocol::HEAD_BYTES];
    match server.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => drop(other?),
    }
    let (kind, length) = protocol::head(head)?;
    let mut data = vec![0; length];
    server.read_exact(&mut data).await?;
    let stream = if kind == protocol::STDERR { OutputStream::Stderr } else { OutputStream::Stdout };
    Ok(Some(OutputPiece { stream, data }))
}

/// A way to the input of a container.
#[derive(Debug)]
pub(super) struct InputConnection(Mutex<tokio::net::UnixStream>);

impl InputConnection {
    pub(super) async fn write(&self, data: &[u8]) -> io::Result<()> {
        for piece in data.chunks(protocol::MAX_RECORD_BYTES) {
            self.send(protocol::TYPED, piece).await?;
        }
        Ok(())
    }

    pub(super) async fn set_window_size(&self, rows: u32, columns: u32) -> io::Result<()> {
        let size = [saturated(rows).to_be_bytes(), saturated(columns).to_be_bytes()].concat();
        self.send(protocol::WINDOW, &size).await
    }

    async fn send(&self, kind: u8, data: &[u8]) -> io::Result<()> {
        // A record is sent as a whole.
        self.0.lock().await.write_all(&protocol::record(kind, data)).await
    }
}
