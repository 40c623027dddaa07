//! The server itself: a process beside its container.
//!
//! A thread for each stream of output, and one for each connection. It ends when the output does.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde::{Deserialize, Serialize};

use super::super::{PATIENCE, protocol};
use crate::logger::{Limit, Limits, LogFile};

/// What a server is told at its start.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// Whether the output is a terminal, which also takes input.
    pub(super) is_terminal: bool,
    /// Where the files are.
    pub(super) sandbox: PathBuf,
    pub(super) limits: Limits,
}

/// Runs `tepui switchboard JOB`: the standard input is the listening socket, the standard output what the container writes
/// to its standard output or the terminal, the standard error what it writes to its standard error.
pub fn switchboard_process(arguments: &[OsString]) -> ExitCode {
    // There is nobody to be told: agents find that it does not answer.
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Who listens.
#[derive(Debug, Default)]
struct Listeners(Mutex<Vec<UnixStream>>);

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, Vec<UnixStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all of them; whoever takes nothing for a while, or is gone, is not told any more.
    fn tell(&self, kind: u8, data: &[u8]) {
        let mut listeners = self.lock();
        if !listeners.is_empty() {
            let record = protocol::record(kind, data);
            listeners.retain_mut(|listener| listener.write_all(&record).is_ok());
        }
    }
}

fn serve(arguments: &[OsString]) -> io::Result<()> {
    let job = arguments.first().and_then(|job| job.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
    let Job { is_terminal, sandbox, limits } = serde_json::from_str(job)?;
    let listener = UnixListener::from(take(io::stdin().as_fd(), 0)?);
    let stdout = File::from(take(io::stdout().as_fd(), 1)?);
    let stderr = File::from(take(io::stderr().as_fd(), 2)?);
    let terminal = is_terminal.then(|| stdout.try_clone()).transpose()?;
    let listeners = Arc::new(Listeners::default());
    let stream = |from: File, kind: u8, name: &str, limit: Option<Limit>| -> io::Result<_> {
        let log = LogFile::open(sandbox.join(name), limit)?;
        let listeners = Arc::clone(&listeners);
        Ok(thread::spawn(move || pass_on(from, log, kind, &listeners)))
    };
    let mut streams = vec![stream(stdout, protocol::STDOUT, "stdout", limits.stdout)?];
    if !is_terminal {
        streams.push(stream(stderr, protocol::STDERR, "stderr", limits.stderr)?);
    }
    let terminal = terminal.map(Arc::new);
    thread::spawn(move || accept(&listener, &listeners, terminal.as_ref()));
    for stream in streams {
        // One that panicked has ended as well.
        let _ = stream.join();
    }
    Ok(())
}

/// Takes what was given as a standard file, and puts nothing in its place: the container must be able to close its end.
fn take(standard: BorrowedFd<'_>, number: i32) -> io::Result<std::os::fd::OwnedFd> {
    let own = standard.try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    tepui_linux::take_as_standard(null.as_fd(), number)?;
    Ok(own)
}

/// Passes on what a container says until it says nothing more.
fn pass_on(mut from: File, mut log: LogFile, kind: u8, listeners: &Listeners) {
    let mut buffer = vec![0; log.piece_bytes()];
    loop {
        match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A terminal that nobody is in any more is broken.
            Ok(0) | Err(_) => return,
            Ok(count) => {
                // What cannot be kept is no reason to let the container wait.
                if let Err(error) = log.write(&buffer[..count]) {
                    log.complain(&error);
                }
                listeners.tell(kind, &buffer[..count]);
            }
        }
    }
}

/// Serves agents, one after the other or several at once.
fn accept(listener: &UnixListener, listeners: &Arc<Listeners>, terminal: Option<&Arc<File>>) {
    for agent in listener.incoming().flatten() {
        let (listeners, terminal) = (Arc::clone(listeners), terminal.map(Arc::clone));
        thread::spawn(move || {
            // Whoever is gone need not be told.
            let _ = attend(agent, &listeners, terminal.as_deref());
        });
    }
}

fn attend(mut agent: UnixStream, listeners: &Listeners, terminal: Option<&File>) -> io::Result<()> {
    let mut what = [0];
    agent.read_exact(&mut what)?;
    match (what[0], terminal) {
        (protocol::OUTPUT, _) => {
            agent.set_write_timeout(Some(PATIENCE))?;
            // Under the lock, so that nothing is said before it is ready.
            let mut listeners = listeners.lock();
            agent.write_all(&what)?;
            listeners.push(agent);
            Ok(())
        }
        (protocol::INPUT, Some(terminal)) => {
            agent.write_all(&what)?;
            type_into(&mut agent, terminal)
        }
        (protocol::END, _) => {
            agent.write_all(&what)?;
            // The agent says nothing more, so it is gone when this returns; or we are.
            agent.read(&mut what).map(drop)
        }
        (protocol::ABORT, _) => std::process::exit(0),
        _ => Ok(()),
    }
}

fn type_into(agent: &mut UnixStream, mut terminal: &File) -> io::Result<()> {
    while let Some((kind, data)) = protocol::read_record(agent)? {
        match (kind, data.as_slice()) {
            (protocol::TYPED, data) => terminal.write_all(data)?,
            (protocol::WINDOW, &[a, b, c, d]) => {
                let (rows, columns) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                tepui_linux::set_window_size(terminal.as_fd(), rows, columns)?;
            }
            _ => {}
        }
    }
    Ok(())
}
