//! Learning how a child ended, without or with taking its id back.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;

use crate::PidFd;

/// How the child behind the handle ended, as `wait(2)` encodes it; `None` if it runs. It stays a zombie, and so its id
/// stays its own.
pub fn peek_status(child: &PidFd) -> io::Result<Option<i32>> {
    wait(child, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT)
}

/// Takes a child that has ended away; its id may pass to another. `None` if it runs.
pub fn reap(child: &PidFd) -> io::Result<Option<i32>> {
    wait(child, libc::WEXITED | libc::WNOHANG)
}

fn wait(child: &PidFd, options: libc::c_int) -> io::Result<Option<i32>> {
    // SAFETY: `siginfo_t` is plain data, for which zeros are valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let id = child.as_fd().as_raw_fd().cast_unsigned();
    // SAFETY: the pointer is to a valid `siginfo_t` that outlives the call.
    let result = unsafe { libc::waitid(libc::P_PIDFD, id, &raw mut info, options) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `waitid` filled in the fields of a child's end, or left the zeros.
    if unsafe { info.si_pid() } == 0 {
        return Ok(None);
    }
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    Ok(Some(match info.si_code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_status_is_peeked_at_and_then_taken() {
        for script in ["exit 3", "kill -9 $$", "exit 0"] {
            let mut child = std::process::Command::new("sh").args(["-c", script]).spawn().unwrap();
            let handle = PidFd::open(child.id()).unwrap();
            while !handle.wait(Duration::from_secs(10)).unwrap() {}
            let status = peek_status(&handle).unwrap().unwrap();
            assert_eq!(peek_status(&handle).unwrap(), Some(status));
            assert_eq!(child.wait().unwrap().into_raw(), status, "{script}");
            assert!(reap(&handle).is_err(), "it is gone");
        }
    }
}
