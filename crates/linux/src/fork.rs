//! Forking, for programs of one thread only.
//!
//! The child of a process with several threads may do next to nothing before it executes a program: another thread
//! may have held any lock. [`SingleThread`] is the proof that there is no other thread, so that the child may open
//! files, mount and allocate as it likes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;

use crate::PidFd;

/// A bit that only `clone3` takes.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// The proof that this process has one thread. Whoever holds it starts no thread.
#[derive(Debug)]
pub struct SingleThread(());

impl SingleThread {
    /// Looks whether this process has one thread.
    pub fn claim() -> io::Result<Self> {
        match std::fs::read_dir("/proc/self/task")?.count() {
            1 => Ok(Self(())),
            count => Err(io::Error::other(format!("this process has {count} threads"))),
        }
    }

    /// Forks, as [`Fork`] says. The child has a copy of all that this process has.
    pub fn fork(&self, fork: &Fork<'_>) -> io::Result<Forked> {
        let mut pidfd: RawFd = -1;
        let mut flags = fork.namespaces.0 | libc::CLONE_PIDFD;
        if fork.is_sibling {
            flags |= libc::CLONE_PARENT;
        }
        // SAFETY: `clone_args` is plain data, for which zeros are valid.
        let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
        arguments.flags = u64::from(flags.cast_unsigned());
        arguments.pidfd = std::ptr::from_mut(&mut pidfd).addr() as u64;
        if !fork.is_sibling {
            arguments.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
        }
        if let Some(cgroup) = fork.cgroup {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = u64::from(cgroup.as_raw_fd().cast_unsigned());
        }
        let size = size_of::<libc::clone_args>();
        // SAFETY: the arguments live as long as the call and have the size that is given; without `CLONE_VM` the child
        // has a copy of our memory, and as there is no other thread, the copy is consistent.
        let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size) };
        match result {
            0 => Ok(Forked::Child),
            pid if pid > 0 => {
                // SAFETY: the kernel just gave us this descriptor, and nobody else owns it.
                let handle = unsafe { OwnedFd::from_raw_fd(pidfd) };
                let pid = u32::try_from(pid).map_err(io::Error::other)?;
                Ok(Forked::Parent { pid, handle: PidFd::from(handle) })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// How to fork.
#[derive(Debug, Default)]
pub struct Fork<'a> {
    /// The namespaces that the child gets anew.
    pub namespaces: Namespaces,
    /// The cgroup of the second version, as an open folder, that the child is born into; ours if none.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// Whether the child is one of our parent instead of ours.
    pub is_sibling: bool,
}

/// Who returns from a fork.
#[derive(Debug)]
pub enum Forked {
    /// The new process.
    Child,
    /// The one that forked.
    Parent {
        /// The new process.
        pid: u32,
        /// A handle on it.
        handle: PidFd,
    },
}

/// A set of kinds of namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(libc::c_int);

impl Namespaces {
    /// Mount points.
    pub const MOUNT: Self = Self(libc::CLONE_NEWNS);
    /// Process ids.
    pub const PID: Self = Self(libc::CLONE_NEWPID);
    /// System V IPC and POSIX message queues.
    pub const IPC: Self = Self(libc::CLONE_NEWIPC);
    /// Network devices and addresses.
    pub const NETWORK: Self = Self(libc::CLONE_NEWNET);
    /// The host's name.
    pub const UTS: Self = Self(libc::CLONE_NEWUTS);

    /// None of them.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// The set of these bits, as `clone(2)` has them; other bits are dropped.
    pub const fn from_bits(bits: u32) -> Self {
        let all = Self::MOUNT.0 | Self::PID.0 | Self::IPC.0 | Self::NETWORK.0 | Self::UTS.0;
        Self(bits.cast_signed() & all)
    }

    /// The bits of `clone(2)`.
    pub const fn bits(self) -> u32 {
        self.0.cast_unsigned()
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in this set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Enters these namespaces of the process behind the handle. Its process id namespace holds for our children only.
pub fn enter_namespaces(process: &PidFd, namespaces: Namespaces) -> io::Result<()> {
    if namespaces.is_empty() {
        return Ok(());
    }
    // SAFETY: the call takes two integers and touches no memory of ours.
    let result = unsafe { libc::setns(process.as_fd().as_raw_fd(), namespaces.0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves the namespaces that we share with others for new ones. A new process id namespace holds for our children.
pub fn unshare_namespaces(namespaces: Namespaces) -> io::Result<()> {
    // SAFETY: the call takes an integer and touches no memory of ours.
    let result = unsafe { libc::unshare(namespaces.0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends this process at once, without anything that is due at the end of a program: for a forked child.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: the call ends the process and touches no memory of ours.
    unsafe { libc::_exit(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_may_not_fork() {
        // The test harness runs tests on threads of their own.
        assert!(SingleThread::claim().is_err());
    }

    #[test]
    fn namespaces_are_a_set() {
        let set = Namespaces::PID.with(Namespaces::MOUNT);
        assert!(set.contains(Namespaces::PID) && !set.contains(Namespaces::IPC));
        assert_eq!(set.without(Namespaces::PID), Namespaces::MOUNT);
        assert_eq!(Namespaces::from_bits(set.bits()), set);
        assert!(Namespaces::from_bits(1).is_empty());
    }
}
