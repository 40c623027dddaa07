//! Signals by number, real-time signals included.

use std::fmt;
use std::io;

/// A signal's number. Unlike an enum of names it can also hold a real-time signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

impl Signal {
    /// Ends a process at once; cannot be caught.
    pub const KILL: Self = Self(nix::libc::SIGKILL);
    /// Asks a process to end.
    pub const TERM: Self = Self(nix::libc::SIGTERM);
    /// Stops a process; cannot be caught.
    pub const STOP: Self = Self(nix::libc::SIGSTOP);
    /// Continues a stopped process.
    pub const CONT: Self = Self(nix::libc::SIGCONT);

    /// The signal of this number.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    /// Sends this signal to one process. The caller must own `pid`: an unreaped child, or itself.
    pub fn send(self, pid: u32) -> io::Result<()> {
        self.send_raw(positive(pid)?)
    }

    /// Sends this signal to every process of the group `group`.
    pub fn send_to_group(self, group: u32) -> io::Result<()> {
        self.send_raw(-positive(group)?)
    }

    fn send_raw(self, target: i32) -> io::Result<()> {
        // SAFETY: `kill` takes two integers and touches no memory of ours.
        let result = unsafe { nix::libc::kill(target, self.0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Refuses the ids to which `kill` gives another meaning: 0, 1 as a group (all processes), and what would be negative.
fn positive(id: u32) -> io::Result<i32> {
    match i32::try_from(id) {
        Ok(id) if id > 1 => Ok(id),
        Ok(_) | Err(_) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{id}` is no process to signal")))
        }
    }
}

/// The description that glibc's `strsignal` gives in the C locale; messages to frameworks carry it.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FIRST_REAL_TIME: i32 = 34;
        const LAST_REAL_TIME: i32 = 64;
        let text = match self.0 {
            nix::libc::SIGHUP => "Hangup",
            nix::libc::SIGINT => "Interrupt",
            nix::libc::SIGQUIT => "Quit",
            nix::libc::SIGILL => "Illegal instruction",
            nix::libc::SIGTRAP => "Trace/breakpoint trap",
            nix::libc::SIGABRT => "Aborted",
            nix::libc::SIGBUS => "Bus error",
            nix::libc::SIGFPE => "Floating point exception",
            nix::libc::SIGKILL => "Killed",
            nix::libc::SIGUSR1 => "User defined signal 1",
            nix::libc::SIGSEGV => "Segmentation fault",
            nix::libc::SIGUSR2 => "User defined signal 2",
            nix::libc::SIGPIPE => "Broken pipe",
            nix::libc::SIGALRM => "Alarm clock",
            nix::libc::SIGTERM => "Terminated",
            nix::libc::SIGSTKFLT => "Stack fault",
            nix::libc::SIGCHLD => "Child exited",
            nix::libc::SIGCONT => "Continued",
            nix::libc::SIGSTOP => "Stopped (signal)",
            nix::libc::SIGTSTP => "Stopped",
            nix::libc::SIGTTIN => "Stopped (tty input)",
            nix::libc::SIGTTOU => "Stopped (tty output)",
            nix::libc::SIGURG => "Urgent I/O condition",
            nix::libc::SIGXCPU => "CPU time limit exceeded",
            nix::libc::SIGXFSZ => "File size limit exceeded",
            nix::libc::SIGVTALRM => "Virtual timer expired",
            nix::libc::SIGPROF => "Profiling timer expired",
            nix::libc::SIGWINCH => "Window changed",
            nix::libc::SIGIO => "I/O possible",
            nix::libc::SIGPWR => "Power failure",
            nix::libc::SIGSYS => "Bad system call",
            number @ FIRST_REAL_TIME..=LAST_REAL_TIME => {
                return write!(f, "Real-time signal {}", number - FIRST_REAL_TIME);
            }
            number => return write!(f, "Unknown signal {number}"),
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn descriptions_are_those_of_strsignal() {
        for number in 0..70 {
            // SAFETY: `strsignal` returns a valid string for every integer.
            let text = unsafe { nix::libc::strsignal(number) };
            // SAFETY: the string stays valid until the next call on this thread, which is after its use.
            let text = unsafe { CStr::from_ptr(text) };
            assert_eq!(Signal::from_raw(number).to_string(), text.to_str().unwrap(), "{number}");
        }
    }

    #[test]
    fn ids_with_another_meaning_are_refused() {
        for id in [0, 1, u32::MAX, 1 << 31] {
            assert_eq!(Signal::from_raw(0).send(id).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            assert_eq!(
                Signal::from_raw(0).send_to_group(id).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
        }
    }
}
