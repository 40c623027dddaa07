//! Starting a prepared process, and learning whether it became the program it should.

use std::io::{self, Read};
use std::os::fd::AsFd;

use prost::Message;

use crate::LaunchError;
use crate::launch::Prepared;
use crate::launcher::{Failure, Launcher, Running};

/// Has the launcher start the process, and waits until it executes its program. Blocks.
pub(crate) fn start(launcher: &Launcher, prepared: Prepared) -> Result<Running, LaunchError> {
    let Prepared { plan, stdin, stdout, stderr } = prepared;
    let piped = |source| LaunchError::Start { step: "make a pipe".to_owned(), source };
    let (mut failures, failing) = io::pipe().map_err(piped)?;
    let running = launcher.launch(plan, [failing.as_fd(), stdin.as_fd(), stdout.as_fd(), stderr.as_fd()])?;
    drop(failing);
    // The other end is closed when the program is executed.
    let mut told = Vec::new();
    failures.read_to_end(&mut told).map_err(piped)?;
    if told.is_empty() {
        return Ok(running);
    }
    let failure = Failure::decode(told.as_slice()).unwrap_or_default();
    let Running { pid, end } = running;
    // It ends at once, and until it is released it is only a zombie.
    drop(end.blocking_recv());
    launcher.release(pid);
    Err(failure.into())
}
