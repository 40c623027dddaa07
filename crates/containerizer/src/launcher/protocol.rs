//! What an agent and its launcher say to each other: length, message; both of the same program.

use prost::Message;
use tepui_linux::Namespaces;

/// The version of these messages, in the socket's name: a newer agent leaves an older launcher alone.
pub const VERSION: u32 = 5;

/// The longest message. Arguments and environment are the bulk, and the kernel takes no more of them than 6 MB.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// How a container's first process is started. Whatever can be decided before is decided by the agent.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Plan {
    /// The container, as text.
    #[prost(string, tag = "1")]
    pub(crate) container: String,
    /// Its runtime folder, which exists. Empty for the process beside a container that has the other ends of its output: that
    /// is remembered nowhere, and goes away by itself.
    #[prost(string, tag = "2")]
    pub(crate) runtime: String,
    /// The executable.
    #[prost(string, tag = "3")]
    pub(crate) program: String,
    /// The arguments, `argv[0]` included.
    #[prost(string, repeated, tag = "4")]
    pub(crate) arguments: Vec<String>,
    /// The environment, `NAME=value`.
    #[prost(string, repeated, tag = "5")]
    pub(crate) environment: Vec<String>,
    /// The folder to start in.
    #[prost(string, tag = "6")]
    pub(crate) directory: String,
    /// The user to become.
    #[prost(message, optional, tag = "7")]
    pub(crate) user: Option<User>,
    /// The cgroup of version 2 that it is born in.
    #[prost(string, optional, tag = "8")]
    pub(crate) cgroup: Option<String>,
    /// The `tasks` files of the cgroups of version 1 that it enters.
    #[prost(string, repeated, tag = "9")]
    pub(crate) join: Vec<String>,
    /// The kinds of namespaces that it gets anew, as `clone(2)` has them.
    #[prost(uint32, tag = "10")]
    pub(crate) namespaces: u32,
    /// The kinds of namespaces that it enters first, and whose.
    #[prost(uint32, tag = "11")]
    pub(crate) entered: u32,
    #[prost(uint32, tag = "12")]
    pub(crate) parent: u32,
    /// What is mounted, in this order.
    #[prost(message, repeated, tag = "13")]
    pub(crate) mounts: Vec<Mount>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) limits: Vec<Limit>,
    /// What it can gain of root's power, and what it has.
    #[prost(uint64, optional, tag = "15")]
    pub(crate) bounding: Option<u64>,
    #[prost(uint64, optional, tag = "16")]
    pub(crate) effective: Option<u64>,
    #[prost(bool, tag = "17")]
    pub(crate) no_new_privileges: bool,
    /// Whether a process of ours goes before it, as the first of its process id namespace.
    #[prost(bool, tag = "18")]
    pub(crate) has_init: bool,
    /// The filter of its system calls, as the kernel takes it.
    #[prost(bytes = "vec", optional, tag = "19")]
    pub(crate) system_calls: Option<Vec<u8>>,
    /// Whether the standard input is a terminal that is to control its session.
    #[prost(bool, tag = "20")]
    pub(crate) has_terminal: bool,
}

impl Plan {
    /// Whether this is a process beside a container.
    pub(super) fn is_switchboard(&self) -> bool {
        self.runtime.is_empty()
    }

    /// Adds namespaces that the process gets anew.
    pub(crate) fn create(&mut self, namespaces: Namespaces) {
        self.namespaces |= namespaces.bits();
    }

    /// Whether the process gets a process id namespace within its parent's.
    pub(super) fn has_nested_processes(&self) -> bool {
        let both = Namespaces::from_bits(self.namespaces & self.entered);
        both.contains(Namespaces::PID)
    }

    /// Adds namespaces of its parent that the process enters.
    pub(crate) fn enter(&mut self, namespaces: Namespaces) {
        self.entered |= namespaces.bits();
    }

    /// Adds the mount of a new file system, in the process' own mount namespace.
    pub(crate) fn mount_new(&mut self, kind: &str, target: &str, options: &str) {
        self.mounts.push(Mount {
            kind: Some(kind.to_owned()),
            target: target.to_owned(),
            options: options.to_owned(),
            ..Mount::default()
        });
    }

    /// Adds a file, in a file system that is mounted before.
    pub(crate) fn write(&mut self, target: String, content: Vec<u8>) {
        self.mounts.push(Mount { target, content: Some(content), ..Mount::default() });
    }

    /// Adds a mount of what is elsewhere, in the process' own mount namespace.
    pub(crate) fn bind(&mut self, source: String, target: String, read_only: bool) {
        self.mounts.push(Mount { source, target, read_only, ..Mount::default() });
    }
}

/// Something to be mounted.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Mount {
    /// A new file system of this kind; if absent, `source` appears at `target` too.
    #[prost(string, optional, tag = "1")]
    pub(crate) kind: Option<String>,
    #[prost(string, tag = "2")]
    pub(crate) source: String,
    #[prost(string, tag = "3")]
    pub(crate) target: String,
    #[prost(string, tag = "4")]
    pub(crate) options: String,
    #[prost(bool, tag = "5")]
    pub(crate) read_only: bool,
    /// Nothing is mounted, but a file with this content is made at `target`, in what was mounted before.
    #[prost(bytes = "vec", optional, tag = "6")]
    pub(crate) content: Option<Vec<u8>>,
}

/// A limit of POSIX.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Limit {
    #[prost(uint32, tag = "1")]
    pub(crate) resource: u32,
    #[prost(uint64, tag = "2")]
    pub(crate) soft: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) hard: u64,
}

/// Ids to run as.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct User {
    #[prost(uint32, tag = "1")]
    pub(crate) uid: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) gid: u32,
    #[prost(uint32, repeated, tag = "3")]
    pub(crate) groups: Vec<u32>,
}

/// From the agent.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    /// Start this. Three files come along: the standard input, output and error.
    #[prost(message, optional, tag = "1")]
    pub(super) launch: Option<Plan>,
    /// Take this ended process away.
    #[prost(uint32, optional, tag = "2")]
    pub(super) release: Option<u32>,
}

/// How many files a [`Request::launch`] has.
pub(super) const LAUNCH_FILES: usize = 3;

/// From the launcher.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Report {
    /// The first thing that is said: who is there.
    #[prost(message, optional, tag = "1")]
    pub(super) hello: Option<Hello>,
    /// The answer to a launch, once the process executes its program or could not.
    #[prost(message, optional, tag = "2")]
    pub(super) launched: Option<Launched>,
    /// A process ended.
    #[prost(message, optional, tag = "3")]
    pub(super) exited: Option<Process>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Hello {
    #[prost(message, repeated, tag = "1")]
    pub(super) processes: Vec<Process>,
}

/// The first process of a container.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Process {
    #[prost(string, tag = "1")]
    pub(super) container: String,
    #[prost(uint32, tag = "2")]
    pub(super) pid: u32,
    /// How it ended, as `wait(2)` encodes it, once it has.
    #[prost(int32, optional, tag = "3")]
    pub(super) status: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Launched {
    #[prost(string, tag = "1")]
    pub(super) container: String,
    /// Absent if it does not run.
    #[prost(uint32, optional, tag = "2")]
    pub(super) pid: Option<u32>,
    /// Why not.
    #[prost(message, optional, tag = "3")]
    pub(super) failure: Option<Failure>,
}

/// What went wrong, in the launcher or in the child.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Failure {
    /// What was being done, as a fragment that finishes "failed to ...".
    #[prost(string, tag = "1")]
    pub(crate) step: String,
    /// The system's number of the error.
    #[prost(int32, tag = "2")]
    pub(crate) errno: i32,
}

impl Failure {
    /// The failure of a step.
    pub(super) fn new(step: impl Into<String>, error: &std::io::Error) -> Self {
        Self { step: step.into(), errno: error.raw_os_error().unwrap_or(nix::libc::EINVAL) }
    }
}

/// A message with its length before it.
pub(super) fn frame(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&body);
    bytes
}

/// Takes the first whole message out of what arrived; `None` if it is not whole yet.
pub(super) fn take_frame<M: Message + Default>(bytes: &mut Vec<u8>) -> std::io::Result<Option<M>> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE_BYTES {
        return Err(std::io::Error::other(format!("a message of {length} bytes")));
    }
    let Some(body) = bytes.get(4..4 + length) else { return Ok(None) };
    let message = M::decode(body).map_err(std::io::Error::other)?;
    bytes.drain(..4 + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_where_they_end() {
        let first = Request { release: Some(7), ..Request::default() };
        let plan = Plan { program: "/bin/true".to_owned(), ..Plan::default() };
        let second = Request { launch: Some(plan), ..Request::default() };
        let mut bytes = frame(&first);
        bytes.extend(frame(&second));
        let rest = bytes.split_off(bytes.len() - 3);
        assert_eq!(take_frame::<Request>(&mut bytes).unwrap(), Some(first));
        assert_eq!(take_frame::<Request>(&mut bytes).unwrap(), None);
        bytes.extend(rest);
        assert_eq!(take_frame::<Request>(&mut bytes).unwrap(), Some(second));
        assert!(bytes.is_empty());
    }

    #[test]
    fn a_length_without_reason_is_an_error() {
        let mut bytes = u32::MAX.to_ne_bytes().to_vec();
        assert!(take_frame::<Request>(&mut bytes).is_err());
    }
}
