//! The first process of a process id namespace: takes in orphans, passes signals on.

use std::io;

use nix::libc;
use nix::sys::signal::SigSet;
use nix::sys::signal::SigmaskHow;

use crate::Signal;

/// Blocks all signals, so that [`wait_for`] can take them one by one. What is executed must let them through again.
pub fn block_signals() -> io::Result<()> {
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None).map_err(Into::into)
}

/// Reaps all children until `child` has ended, and passes the signals that arrive meanwhile on to it. Gives its wait
/// status. For a process that has blocked all signals.
pub fn wait_for(child: u32) -> io::Result<i32> {
    let all = SigSet::all();
    loop {
        if let Some(status) = reap_all(child)? {
            return Ok(status);
        }
        match all.wait() {
            Ok(nix::sys::signal::Signal::SIGCHLD) | Err(nix::Error::EINTR) => {}
            // It may have ended, which the next round finds.
            Ok(signal) => drop(Signal::from_raw(signal as i32).send(child)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reaps everyone who has ended; gives the status of `child` if that was among them.
fn reap_all(child: u32) -> io::Result<Option<i32>> {
    loop {
        let mut status = 0;
        // SAFETY: the pointer is to a valid integer that outlives the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        match u32::try_from(pid) {
            Ok(0) => return Ok(None),
            Ok(pid) if pid == child => return Ok(Some(status)),
            Ok(_) => {}
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}
