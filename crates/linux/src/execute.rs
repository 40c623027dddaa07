//! The last steps of a forked child: putting itself in order, and becoming another program.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

use crate::{Credentials, Signal};

unsafe extern "C" {
    /// What `execvp` gives to the new program, and where it looks for `PATH`.
    static mut environ: *const *const libc::c_char;
}

/// Becomes this program. Without a slash it is searched for in the `PATH` of the given environment; a script without an
/// interpreter is given to the shell, as `execvp` does. Returns only what went wrong.
///
/// For a process of one thread: the environment is replaced.
pub fn execute(program: &CString, arguments: &[CString], environment: &[CString]) -> io::Error {
    let arguments = null_terminated(arguments);
    let environment = null_terminated(environment);
    // SAFETY: there is one thread, so nobody reads the variable meanwhile; the vector outlives the call below, after
    // which the process ends or is another program.
    unsafe { environ = environment.as_ptr() };
    // SAFETY: all strings end in NUL and all lists in a null pointer, and they outlive the call.
    unsafe { libc::execvp(program.as_ptr(), arguments.as_ptr()) };
    let error = io::Error::last_os_error();
    // Nobody may find the list once the vector is gone.
    std::mem::forget(environment);
    error
}

fn null_terminated(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Leads a session of its own, away from the terminal and the signals of whoever started us.
pub fn lead_session() -> io::Result<()> {
    nix::unistd::setsid().map(drop).map_err(Into::into)
}

/// Becomes this user, for good.
pub fn become_user(credentials: &Credentials) -> io::Result<()> {
    let groups: Vec<_> = credentials.groups.iter().map(|group| nix::unistd::Gid::from_raw(*group)).collect();
    nix::unistd::setgroups(&groups)?;
    nix::unistd::setgid(nix::unistd::Gid::from_raw(credentials.gid))?;
    nix::unistd::setuid(nix::unistd::Uid::from_raw(credentials.uid))?;
    Ok(())
}

/// Makes a descriptor the standard input (0), output (1) or error (2).
pub fn take_as_standard(descriptor: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    if !(0..=2).contains(&number) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the standard descriptors belong to the whole process, and the call touches no memory of ours.
    let result = unsafe { libc::dup2(descriptor.as_raw_fd(), number) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Gives all signals their default meaning and lets all of them through, as programs expect at their start.
pub fn reset_signals() -> io::Result<()> {
    let everything = nix::sys::signal::SigSet::empty();
    everything.thread_set_mask()?;
    // What Rust ignores at its start. All that has a handler is reset by the kernel.
    // SAFETY: the default disposition runs no code of ours.
    unsafe {
        nix::sys::signal::signal(nix::sys::signal::Signal::SIGPIPE, nix::sys::signal::SigHandler::SigDfl)
    }
    .map(drop)
    .map_err(Into::into)
}

/// Marks all descriptors but the standard ones to be closed when another program is executed.
pub fn close_on_execute() -> io::Result<()> {
    // SAFETY: the call takes three integers and touches no memory of ours.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // Kernels before 5.11. What Rust opens is marked already.
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => Ok(()),
        error => Err(error),
    }
}

/// Closes all descriptors but the standard ones and this.
pub fn close_all_but(kept: BorrowedFd<'_>) {
    let kept = kept.as_raw_fd().cast_unsigned();
    let last = libc::c_uint::MAX;
    for (from, to) in [(3, kept.saturating_sub(1)), (kept.saturating_add(1).max(3), last)] {
        if from <= to {
            // SAFETY: the call takes three integers; the caller is a process of one thread that uses none of the others.
            unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
        }
    }
}

/// Has the kernel send us `signal` when our parent ends.
pub fn die_with_parent(signal: Signal) -> io::Result<()> {
    // SAFETY: this option takes one integer and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.as_raw()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives up gaining privileges by executing a program (set-user-id and its like), for us and our children.
pub fn set_no_new_privileges() -> io::Result<()> {
    nix::sys::prctl::set_no_new_privs().map_err(Into::into)
}
