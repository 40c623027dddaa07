//! Starting a program from a child that borrows our memory until it executes.
//!
//! A fork copies the tables of our memory, and then each page that either of us writes to. For a program that is started by a
//! small process that costs as much as the start itself. The child here has a stack of its own and otherwise uses our memory,
//! while our thread stands still; so it only makes system calls on what was made before, and leaves what went wrong in it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use nix::libc::{self, c_char, c_int, c_void};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::PidFd;

/// The child calls little, and nothing that recurses.
const STACK_BYTES: usize = 64 << 10;

/// Where a program is looked for if the environment has no `PATH`, as `execvp` does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What the child exits with if it could not execute; nobody sees it.
const FAILED: c_int = 127;

/// A program to be started.
pub(crate) struct Start<'a> {
    pub(crate) program: &'a OsStr,
    /// `argv[0]` included.
    pub(crate) arguments: &'a [OsString],
    pub(crate) environment: &'a BTreeMap<OsString, OsString>,
    pub(crate) directory: &'a OsStr,
    /// What becomes the standard input, output and error; ours where there is none.
    pub(crate) standard: [Option<BorrowedFd<'a>>; 3],
    pub(crate) parent_death_signal: Option<crate::Signal>,
}

/// All that the child needs, in the form in which it needs it.
struct Plan<'a> {
    /// The files that may be the program, in the order of the search.
    candidates: Vec<*const c_char>,
    arguments: Vec<*const c_char>,
    /// The arguments of a shell that is to run a script without an interpreter; the second is filled in.
    shell: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    directory: CString,
    standard: [Option<BorrowedFd<'a>>; 3],
    death_signal: Option<(crate::Signal, u32)>,
    /// What went wrong, from the child.
    error: c_int,
}

impl Start<'_> {
    /// Starts it in a session of its own; gives its process id and a handle. What the child cannot do is an error here.
    pub(crate) fn start(&self) -> io::Result<(u32, PidFd)> {
        let candidates = self.candidates()?;
        let arguments = self.arguments.iter().map(|text| c_string(text)).collect::<io::Result<Vec<_>>>()?;
        let environment = self.environment.iter().map(|(name, value)| {
            let mut text = name.clone();
            text.push("=");
            text.push(value);
            c_string(&text)
        });
        let environment = environment.collect::<io::Result<Vec<_>>>()?;
        let mut arguments = pointers(&arguments);
        if arguments.len() == 1 {
            arguments.insert(0, candidates.first().map_or(ptr::null(), |program| program.as_ptr()));
        }
        let mut shell = vec![c"/bin/sh".as_ptr(), ptr::null()];
        shell.extend(arguments.get(1..).unwrap_or_default());
        let mut plan = Plan {
            candidates: candidates.iter().map(|path| path.as_ptr()).collect(),
            arguments,
            shell,
            environment: pointers(&environment),
            directory: c_string(self.directory)?,
            standard: self.standard,
            death_signal: self.parent_death_signal.map(|signal| (signal, std::process::id())),
            error: 0,
        };
        plan.start()
    }

    /// Where the program may be.
    fn candidates(&self) -> io::Result<Vec<CString>> {
        if self.program.as_bytes().contains(&b'/') {
            return Ok(vec![c_string(self.program)?]);
        }
        if self.program.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = self.environment.get(OsStr::new("PATH"));
        let path = path.map_or(DEFAULT_PATH.as_bytes(), |path| path.as_bytes());
        let folders = path.split(|byte| *byte == b':');
        folders
            .map(|folder| {
                let folder = if folder.is_empty() { b"." } else { folder };
                c_string(OsStr::from_bytes(&[folder, b"/", self.program.as_bytes()].concat()))
            })
            .collect()
    }
}

impl Plan<'_> {
    fn start(&mut self) -> io::Result<(u32, PidFd)> {
        let mut stack: Vec<u8> = Vec::with_capacity(STACK_BYTES);
        // SAFETY: one behind the last byte of the allocation; the stack grows down from there.
        let top = unsafe { stack.as_mut_ptr().add(STACK_BYTES) };
        let top = top.map_addr(|address| address & !15);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let mut pidfd: RawFd = -1;
        // A handler of ours must not run in the child.
        let everything = SigSet::all();
        let before = everything.thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let plan = ptr::from_mut(self).cast::<c_void>();
        // SAFETY: the stack and the plan outlive the child's use of them, because this thread stands still until the child
        // has executed or ended; `in_child` only makes system calls on what the plan has.
        let pid = unsafe { libc::clone(in_child, top.cast(), flags, plan, &raw mut pidfd) };
        let failure = io::Error::last_os_error();
        before.thread_set_mask()?;
        if pid < 0 {
            return Err(failure);
        }
        // SAFETY: the kernel just gave us this descriptor, and nobody else owns it.
        let handle = PidFd::from(unsafe { OwnedFd::from_raw_fd(pidfd) });
        // SAFETY: a valid field of ours; the child, who wrote to it, does not use our memory any more.
        let error = unsafe { ptr::read_volatile(&raw const self.error) };
        if error != 0 {
            while !handle.wait(std::time::Duration::from_secs(1))? {}
            crate::reap(&handle)?;
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok((pid.unsigned_abs(), handle))
    }

    /// Becomes the program. For the child of [`Plan::start`] only: makes system calls and nothing else.
    fn become_program(&mut self) -> io::Result<Infallible> {
        for (number, file) in (0..).zip(self.standard) {
            if let Some(file) = file {
                crate::take_as_standard(file, number)?;
            }
        }
        nix::unistd::chdir(self.directory.as_c_str())?;
        crate::lead_session()?;
        if let Some((signal, parent)) = self.death_signal {
            crate::die_with_parent(signal)?;
            if nix::unistd::getppid().as_raw().unsigned_abs() != parent {
                // The parent ended before the option was set: nobody would send the signal.
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        // A descriptor which a library of ours (or whoever started us) left open must not leak into a task.
        crate::close_on_execute()?;
        reset_signals()?;
        Err(io::Error::from_raw_os_error(self.execute()))
    }

    /// Tries one candidate after the other, as `execvp` does.
    fn execute(&mut self) -> c_int {
        let mut last = libc::ENOENT;
        let mut is_denied = false;
        for candidate in &self.candidates {
            // SAFETY: the lists end in null pointers, the strings in NUL, and all of them outlive the call.
            unsafe { libc::execve(*candidate, self.arguments.as_ptr(), self.environment.as_ptr()) };
            last = errno();
            if last == libc::ENOEXEC {
                self.shell[1] = *candidate;
                // SAFETY: as above.
                unsafe { libc::execve(self.shell[0], self.shell.as_ptr(), self.environment.as_ptr()) };
                last = errno();
            }
            match last {
                libc::EACCES => is_denied = true,
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return last,
            }
        }
        if is_denied { libc::EACCES } else { last }
    }
}

extern "C" fn in_child(plan: *mut c_void) -> c_int {
    // SAFETY: it is the plan that was given to `clone`, and whoever gave it stands still.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    let error = match plan.become_program() {
        Ok(never) => match never {},
        Err(error) => error.raw_os_error().unwrap_or(libc::EINVAL),
    };
    // SAFETY: a valid field; the parent reads it once we are gone.
    unsafe { ptr::write_volatile(&raw mut plan.error, error) };
    crate::exit_now(FAILED)
}

/// Gives all signals that we handle, and the one that Rust ignores, their default meaning, and lets all of them through.
fn reset_signals() -> io::Result<()> {
    // SAFETY: plain data, for which zeros are valid, and mean what is wanted here.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    for signal in Signal::iterator() {
        let mut now = default;
        // SAFETY: a null pointer means that nothing is set; the other one is to a structure that outlives the call.
        if unsafe { libc::sigaction(signal as c_int, ptr::null(), &raw mut now) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let is_handled = now.sa_sigaction != libc::SIG_DFL && now.sa_sigaction != libc::SIG_IGN;
        if !is_handled && signal != Signal::SIGPIPE {
            continue;
        }
        // SAFETY: the default disposition runs no code of ours.
        if unsafe { libc::sigaction(signal as c_int, &raw const default, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    SigSet::empty().thread_set_mask().map_err(Into::into)
}

fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(Into::into)
}

/// A list that ends in a null pointer.
fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}
