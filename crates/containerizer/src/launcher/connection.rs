//! The agent's end: finds the launcher or starts one, asks it to launch, and hears how containers end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tepui_linux::Cgroup;
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::protocol::{Failure, LAUNCH_FILES, Plan, Process, Report, Request, VERSION, frame, take_frame};

/// How long a launcher may take to say who is there. It does so at once, if the machine lets it.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// A launcher that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("failed to start the launcher `{program}`: {step}")]
pub struct StartError {
    program: String,
    step: &'static str,
    source: io::Error,
}

/// A connection to the launcher; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Launcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    command: Vec<OsString>,
    /// Where a new launcher is moved to.
    cgroups: Vec<PathBuf>,
    folder: PathBuf,
    runtime: Handle,
    /// Locked for a look-up, a change or the sending of a message, never across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    socket: Option<Arc<UnixStream>>,
    /// The number of the connection, so that the end of an old one is not taken for that of the present one.
    connection: u64,
    reader: Option<AbortHandle>,
    /// Who waits for the answer to a launch, by container.
    waiting: BTreeMap<String, oneshot::Sender<Result<Running, Failure>>>,
    /// Who waits for the end of a process. Dropped when the launcher is lost.
    ends: BTreeMap<u32, oneshot::Sender<i32>>,
}

/// A container's first process, and how to hear of its end; an error there means that the launcher was lost.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    pub(crate) end: oneshot::Receiver<i32>,
}

/// A process that is being started.
#[derive(Debug)]
pub(crate) struct Launching(oneshot::Receiver<Result<Running, Failure>>);

impl Launching {
    /// Waits until it executes its program, or could not.
    pub(crate) async fn running(self) -> Result<Running, Failure> {
        self.0.await.unwrap_or_else(|_| Err(lost()))
    }

    /// The same. Blocks.
    pub(crate) fn wait(self) -> Result<Running, Failure> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(lost()))
    }
}

fn lost() -> Failure {
    Failure::new("launch: the launcher is gone", &io::Error::from_raw_os_error(nix::libc::EPIPE))
}

/// A process that an earlier agent had launched.
#[derive(Debug)]
pub(crate) struct Survivor {
    /// The container, as text.
    pub(crate) container: String,
    pub(crate) running: Running,
}

impl Launcher {
    /// Finds the launcher of an earlier agent, or starts one with this command. Blocks.
    pub(crate) fn start(
        command: Vec<OsString>,
        cgroups: Vec<PathBuf>,
        folder: &Path,
        runtime: Handle,
    ) -> Result<(Self, Vec<Survivor>), StartError> {
        let inner = Inner {
            command,
            cgroups,
            folder: folder.to_owned(),
            runtime,
            state: Mutex::new(State::default()),
        };
        let launcher = Self(Arc::new(inner));
        let survivors = launcher.connect(&mut launcher.0.lock())?;
        Ok((launcher, survivors))
    }

    /// Asks for a process to be started. Blocks a little, for room on the socket.
    pub(crate) fn launch(
        &self,
        plan: Plan,
        files: [BorrowedFd<'_>; LAUNCH_FILES],
    ) -> Result<Launching, Failure> {
        let (answer, answered) = oneshot::channel();
        let container = plan.container.clone();
        let request = frame(&Request { launch: Some(plan), ..Request::default() });
        {
            // Under the lock, because messages must not mix. The launcher reads all the time.
            let mut state = self.0.lock();
            let mut asked = self.ask(&mut state, &request, &files)?;
            if asked.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                // It ended before the request was whole, so it did nothing; the reader has not noticed yet.
                state.lose();
                asked = self.ask(&mut state, &request, &files)?;
            }
            asked.map_err(|error| Failure::new("ask the launcher", &error))?;
            // Its answer is taken under the lock, too.
            state.waiting.insert(container, answer);
        }
        Ok(Launching(answered))
    }

    /// Sends a request, to a new launcher if there is none.
    fn ask(
        &self,
        state: &mut State,
        request: &[u8],
        files: &[BorrowedFd<'_>],
    ) -> Result<io::Result<()>, Failure> {
        if state.socket.is_none() {
            warn!("the launcher is gone; starting another");
            self.connect(state).map_err(|error| Failure::new(error.to_string(), &error.source))?;
        }
        let socket = state.socket.as_ref().ok_or(io::ErrorKind::NotConnected.into());
        Ok(socket.and_then(|socket| tepui_linux::send_with_files(socket.as_fd(), request, files)))
    }

    /// The program that the launcher is, which is also that of servers; none if its path is no text.
    pub(crate) fn program(&self) -> Option<String> {
        self.0.command.first()?.to_str().map(str::to_owned)
    }

    /// Lets the launcher take away a process that has ended.
    pub(crate) fn release(&self, pid: u32) {
        let request = frame(&Request { release: Some(pid), ..Request::default() });
        let state = self.0.lock();
        if let Some(socket) = &state.socket
            && let Err(error) = tepui_linux::send_with_files(socket.as_fd(), &request, &[])
        {
            // Then it is gone, and so is the zombie.
            warn!(pid, %error, "failed to tell the launcher that a process may go");
        }
    }

    /// Connects, and hears who is there.
    fn connect(&self, state: &mut State) -> Result<Vec<Survivor>, StartError> {
        let program =
            self.0.command.first().map_or_else(String::new, |program| program.display().to_string());
        let failed = |step: &'static str| {
            let program = program.clone();
            move |source| StartError { program, step, source }
        };
        let folder = File::open(&self.0.folder).map_err(failed("its folder cannot be opened"))?;
        // The path of a socket is short; through the open folder it is short enough wherever that is.
        let path = PathBuf::from(format!("/proc/self/fd/{}/launcher-{VERSION}.sock", folder.as_raw_fd()));
        let (socket, processes, received, child) = if let Ok((socket, processes, received)) = greet(&path) {
            (socket, processes, received, None)
        } else {
            let (socket, child) = self.spawn(&path).map_err(failed("it cannot be executed"))?;
            let (processes, received) = hear_hello(&socket).map_err(failed("it does not answer"))?;
            (socket, processes, received, Some(child))
        };
        let mut survivors = Vec::new();
        for Process { container, pid, status } in processes {
            let (end, ended) = oneshot::channel();
            match status {
                Some(status) => {
                    let _ = end.send(status);
                }
                None => drop(state.ends.insert(pid, end)),
            }
            survivors.push(Survivor { container, running: Running { pid, end: ended } });
        }
        let ours = socket.try_clone().map_err(failed("its socket cannot be shared"))?;
        socket.set_nonblocking(true).map_err(failed("its socket cannot be watched"))?;
        state.connection += 1;
        let reader = read(Arc::downgrade(&self.0), state.connection, socket, received, child);
        state.reader = Some(self.0.runtime.spawn(reader).abort_handle());
        state.socket = Some(Arc::new(ours));
        info!(survivors = survivors.len(), "launcher connected");
        Ok(survivors)
    }

    /// Starts a launcher that listens at `path`, and connects to it.
    fn spawn(&self, path: &Path) -> io::Result<(UnixStream, Child)> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let socket = UnixStream::connect(path)?;
        let log = File::options().create(true).append(true).open(self.0.folder.join("launcher.log"))?;
        let (program, arguments) = self.0.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        // It has no children before it is asked for one.
        for cgroup in &self.0.cgroups {
            Cgroup::at(cgroup).write("cgroup.procs", &child.id().to_string())?;
        }
        Ok((socket, child))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(reader) = &self.lock().reader {
            reader.abort();
        }
    }
}

/// Connects to a launcher that runs already.
fn greet(path: &Path) -> io::Result<(UnixStream, Vec<Process>, Vec<u8>)> {
    let socket = UnixStream::connect(path)?;
    let (processes, received) = hear_hello(&socket)?;
    Ok((socket, processes, received))
}

/// Reads the launcher's first message, and perhaps a part of the next.
fn hear_hello(mut socket: &UnixStream) -> io::Result<(Vec<Process>, Vec<u8>)> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut received = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        if let Some(report) = take_frame::<Report>(&mut received)? {
            return match report.hello {
                Some(hello) => Ok((hello.processes, received)),
                None => Err(io::Error::other("it does not introduce itself")),
            };
        }
        match socket.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Passes on what the launcher reports, until it is gone.
async fn read(
    inner: Weak<Inner>,
    connection: u64,
    socket: UnixStream,
    mut received: Vec<u8>,
    child: Option<Child>,
) {
    let error = match receive(&inner, socket, &mut received).await {
        Ok(()) => io::ErrorKind::UnexpectedEof.into(),
        Err(error) => error,
    };
    warn!(%error, "lost the launcher: containers live on, but how they end will not be known");
    if let Some(inner) = inner.upgrade() {
        let mut state = inner.lock();
        if state.connection == connection {
            state.lose();
        }
    }
    if let Some(mut child) = child {
        // It may take as long as it likes; nobody waits for it.
        tokio::task::spawn_blocking(move || child.wait());
    }
}

async fn receive(inner: &Weak<Inner>, socket: UnixStream, received: &mut Vec<u8>) -> io::Result<()> {
    let mut socket = tokio::net::UnixStream::from_std(socket)?;
    loop {
        while let Some(report) = take_frame::<Report>(received)? {
            match inner.upgrade() {
                Some(inner) => inner.lock().take(report),
                None => return Ok(()),
            }
        }
        received.reserve(READ_BYTES);
        if socket.read_buf(received).await? == 0 {
            return Ok(());
        }
    }
}

impl State {
    /// Nothing more is heard of the launcher.
    fn lose(&mut self) {
        self.socket = None;
        self.waiting.clear();
        self.ends.clear();
    }

    fn take(&mut self, report: Report) {
        if let Some(launched) = report.launched
            && let Some(waiter) = self.waiting.remove(&launched.container)
        {
            let answer = match (launched.pid, launched.failure) {
                (Some(pid), _) => {
                    let (end, ended) = oneshot::channel();
                    self.ends.insert(pid, end);
                    Ok(Running { pid, end: ended })
                }
                (None, failure) => Err(failure.unwrap_or_default()),
            };
            // Whoever waited has given up; then the process is found to be an orphan.
            drop(waiter.send(answer));
        }
        if let Some(Process { pid, status: Some(status), .. }) = report.exited
            && let Some(end) = self.ends.remove(&pid)
        {
            let _ = end.send(status);
        }
    }
}
