//! The launcher's own loop: forks when it is asked to, and tells what became of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tepui_linux::{Fork, Forked, Namespaces, PidFd, SingleThread, receive_with_files};

use prost::Message;

use super::child;
use super::own_command::{Own, OwnCommand};
use super::protocol::{
    Failure, Hello, LAUNCH_FILES, Launched, Plan, Process, Report, Request, frame, take_frame,
};
use crate::runtime;

/// What epoll calls the listening socket and the agent's; no process has these ids.
const LISTENER: u64 = 0;
const AGENT: u64 = u64::MAX;

/// What it adds to a process' id for the pipe that tells of its start.
const START: u64 = 1 << 32;

/// How many events are taken at once.
const MAX_EVENTS: usize = 64;

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// Runs `tepui launcher`: its standard input is the listening socket, to which an agent is connecting. Containers that are to
/// run this command of its own program are forked and not executed.
pub fn launcher_process(own: Option<OwnCommand>) -> ExitCode {
    match Server::start(own).and_then(Server::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The standard error is the launcher's log, a file in the runtime folder.
            let _ = writeln!(io::stderr(), "launcher: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Server {
    alone: SingleThread,
    own: Option<Own>,
    epoll: Epoll,
    listener: UnixListener,
    agent: Option<Agent>,
    children: BTreeMap<u32, Child>,
    buffer: Box<[u8]>,
    /// How many files programs may have open, as it was before we allowed ourselves more.
    files: FilesLimit,
}

/// The connection to the agent.
struct Agent {
    socket: UnixStream,
    received: Vec<u8>,
    files: Vec<OwnedFd>,
    /// What the socket had no room for.
    unsent: Vec<u8>,
}

/// The first process of a container.
struct Child {
    container: String,
    runtime: String,
    handle: PidFd,
    status: Option<i32>,
    /// Nobody asks for it once it has ended.
    is_switchboard: bool,
    /// Until it is known, and somebody waits to know.
    start: Option<Start>,
}

/// A start whose outcome is awaited.
struct Start {
    /// At its end when the program executes.
    failures: PipeReader,
    /// The failure, as far as it was told.
    told: Vec<u8>,
}

impl Server {
    fn start(own: Option<OwnCommand>) -> io::Result<Self> {
        let alone = SingleThread::claim()?;
        let own = own.map(Own::find).transpose()?;
        // What the agent was started with is not for us, who may outlive it: a lock that its parent holds, say.
        tepui_linux::close_all_but(io::stdin().as_fd());
        let files = FilesLimit::raise()?;
        // The signals of the agent's terminal and group are not for us.
        tepui_linux::lead_session()?;
        let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
        listener.set_nonblocking(true)?;
        let null = fs::File::open("/dev/null")?;
        tepui_linux::take_as_standard(null.as_fd(), 0)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Self { alone, own, epoll, listener, agent: None, children: BTreeMap::new(), buffer, files })
    }

    /// Works until there is neither an agent nor a running container.
    fn run(mut self) -> io::Result<()> {
        // The agent connected before it started us.
        self.accept()?;
        let mut events = [EpollEvent::empty(); MAX_EVENTS];
        while self.agent.is_some() || self.children.values().any(|child| child.status.is_none()) {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(nix::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..count] {
                match event.data() {
                    LISTENER => self.accept()?,
                    AGENT => self.serve_agent(event.events()),
                    pid if pid & START != 0 => {
                        self.began(u32::try_from(pid & !START).map_err(io::Error::other)?);
                    }
                    pid => self.ended(u32::try_from(pid).map_err(io::Error::other)?)?,
                }
            }
        }
        for child in self.children.values() {
            // Its status was kept; whoever inherits zombies may not look after them.
            let _ = tepui_linux::reap(&child.handle);
        }
        Ok(())
    }

    /// Takes the newest agent: an older one is gone.
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            self.lose_agent();
            self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, AGENT))?;
            self.agent = Some(Agent { socket, received: Vec::new(), files: Vec::new(), unsent: Vec::new() });
            let containers = self.children.iter().filter(|(_, child)| !child.is_switchboard);
            let processes = containers.map(|(pid, child)| Process {
                container: child.container.clone(),
                pid: *pid,
                status: child.status,
            });
            let hello = Hello { processes: processes.collect() };
            self.report(&Report { hello: Some(hello), ..Report::default() });
        }
    }

    fn serve_agent(&mut self, events: EpollFlags) {
        if let Err(error) = self.exchange(events) {
            let _ = writeln!(io::stderr(), "launcher: lost the agent: {error}");
            self.lose_agent();
        }
    }

    fn exchange(&mut self, events: EpollFlags) -> io::Result<()> {
        let Some(agent) = &mut self.agent else { return Ok(()) };
        if events.contains(EpollFlags::EPOLLOUT) {
            agent.flush(&self.epoll)?;
        }
        let (count, mut files) = match receive_with_files(agent.socket.as_fd(), &mut self.buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
            Ok((0, _)) => {
                self.lose_agent();
                return Ok(());
            }
            Ok(received) => received,
        };
        agent.received.extend_from_slice(&self.buffer[..count]);
        agent.files.append(&mut files);
        while let Some(agent) = &mut self.agent
            && let Some(request) = take_frame::<Request>(&mut agent.received)?
        {
            if let Some(plan) = request.launch {
                let files = agent.take_files()?;
                self.launch(&plan, &files);
            }
            if let Some(pid) = request.release {
                self.release(pid);
            }
        }
        Ok(())
    }

    /// The statuses of what ended and of what is yet to end go to the runtime folder while nobody listens.
    fn lose_agent(&mut self) {
        self.agent = None;
        for child in self.children.values_mut() {
            // Nobody waits to hear of its start; its end says enough.
            child.start = None;
            child.keep_status();
        }
    }

    /// Starts a process. What became of it is reported when it is known.
    fn launch(&mut self, plan: &Plan, files: &[OwnedFd; LAUNCH_FILES]) {
        if let Err(failure) = self.fork(plan, files) {
            self.report_start(plan.container.clone(), Err(failure));
        }
    }

    fn report_start(&mut self, container: String, start: Result<u32, Failure>) {
        let (pid, failure) = match start {
            Ok(pid) => (Some(pid), None),
            Err(failure) => (None, Some(failure)),
        };
        self.report(&Report { launched: Some(Launched { container, pid, failure }), ..Report::default() });
    }

    /// Hears of a start.
    fn began(&mut self, pid: u32) {
        let Some(child) = self.children.get_mut(&pid) else { return };
        let Some(start) = &mut child.start else { return };
        if !start.hear() {
            return;
        }
        let _ = self.epoll.delete(&start.failures);
        // Whoever has told a failure ends at once, and is not known to anybody: see `ended`.
        if start.told.is_empty() {
            child.start = None;
            let container = child.container.clone();
            self.report_start(container, Ok(pid));
        }
    }

    fn fork(&mut self, plan: &Plan, files: &[OwnedFd; LAUNCH_FILES]) -> Result<(), Failure> {
        let cgroup = plan.cgroup.as_ref().map(fs::File::open).transpose();
        let cgroup = cgroup.map_err(|error| Failure::new("open the cgroup", &error))?;
        // One within the parent's it makes itself.
        let later = if plan.has_nested_processes() { Namespaces::PID } else { Namespaces::empty() };
        let fork = Fork {
            namespaces: Namespaces::from_bits(plan.namespaces).without(later),
            cgroup: cgroup.as_ref().map(AsFd::as_fd),
            is_sibling: false,
        };
        let piped = |error: io::Error| Failure::new("make a pipe", &error);
        let (failures, failing) = io::pipe().map_err(piped)?;
        tepui_linux::set_nonblocking(failures.as_fd()).map_err(piped)?;
        let folder = Path::new(&plan.runtime);
        let announced = (!plan.is_switchboard()).then(|| runtime::announce_process(folder)).transpose();
        let announced = announced.map_err(|error| Failure::new("note the process", &error))?;
        let (pid, handle) = if plan.entered == 0 {
            match self.alone.fork(&fork).map_err(|error| Failure::new("fork", &error))? {
                Forked::Child => {
                    self.files.restore();
                    child::run(plan, files, failing.into(), &self.alone, self.own.as_ref())
                }
                Forked::Parent { pid, handle } => (pid, handle),
            }
        } else {
            self.fork_into_parent(plan, files, failing.into(), &Fork { is_sibling: true, ..fork })?
        };
        let event = |data| EpollEvent::new(EpollFlags::EPOLLIN, data);
        let watched = self.epoll.add(&handle, event(u64::from(pid)));
        let watched = watched.and_then(|()| self.epoll.add(&failures, event(u64::from(pid) | START)));
        let noted = announced.map_or(Ok(()), |mut file| runtime::write_process(folder, &mut file, pid));
        if let Err(error) = watched.map_err(io::Error::from).and(noted) {
            // Nobody could learn of its end, or find it again, so it must not live on.
            let _ = handle.send(tepui_linux::Signal::KILL);
            let _ = self.epoll.delete(&handle);
            while !handle.wait(std::time::Duration::from_secs(1)).unwrap_or(true) {}
            let _ = tepui_linux::reap(&handle);
            return Err(Failure::new("note the process", &error));
        }
        let child = Child {
            container: plan.container.clone(),
            runtime: plan.runtime.clone(),
            handle,
            status: None,
            is_switchboard: plan.is_switchboard(),
            start: Some(Start { failures, told: Vec::new() }),
        };
        self.children.insert(pid, child);
        Ok(())
    }

    /// Forks a process that enters the parent container's namespaces and forks the container's first process there.
    fn fork_into_parent(
        &self,
        plan: &Plan,
        files: &[OwnedFd; LAUNCH_FILES],
        failing: OwnedFd,
        fork: &Fork<'_>,
    ) -> Result<(u32, PidFd), Failure> {
        let failed = |error: io::Error| Failure::new("fork into the parent", &error);
        let (mut hearing, telling) = io::pipe().map_err(failed)?;
        let between = self.alone.fork(&Fork::default()).map_err(failed)?;
        let Forked::Parent { handle: between, .. } = between else {
            self.files.restore();
            child::enter_and_fork(plan, files, failing, fork, &self.alone, telling.into())
        };
        drop((telling, failing));
        let mut pid = [0; 4];
        let heard = hearing.read_exact(&mut pid);
        while !between.wait(std::time::Duration::from_secs(1)).map_err(failed)? {}
        tepui_linux::reap(&between).map_err(failed)?;
        // Whoever says nothing has said elsewhere what failed.
        heard.map_err(failed)?;
        let pid = u32::from_ne_bytes(pid);
        Ok((pid, PidFd::open(pid).map_err(failed)?))
    }

    fn ended(&mut self, pid: u32) -> io::Result<()> {
        // If it was told how it started, that was before this.
        self.began(pid);
        let Some(child) = self.children.get_mut(&pid) else { return Ok(()) };
        let Some(status) = tepui_linux::peek_status(&child.handle)? else { return Ok(()) };
        if let Some(start) = child.start.take() {
            let container = child.container.clone();
            if let Some(failure) = start.failure() {
                // Nobody but us knows of it, or will.
                self.epoll.delete(&child.handle)?;
                tepui_linux::reap(&child.handle)?;
                self.children.remove(&pid);
                self.report_start(container, Err(failure));
                return Ok(());
            }
            self.report_start(container, Ok(pid));
        }
        let Some(child) = self.children.get_mut(&pid) else { return Ok(()) };
        if child.is_switchboard {
            let exited = Process { container: child.container.clone(), pid, status: Some(status) };
            self.epoll.delete(&child.handle)?;
            tepui_linux::reap(&child.handle)?;
            self.children.remove(&pid);
            self.report(&Report { exited: Some(exited), ..Report::default() });
            return Ok(());
        }
        // If the container's own program was not its first process, that has left the program's status.
        let status = runtime::read_init_status(Path::new(&child.runtime)).unwrap_or(status);
        child.status = Some(status);
        self.epoll.delete(&child.handle)?;
        let exited = Process { container: child.container.clone(), pid, status: Some(status) };
        if self.agent.is_none() {
            child.keep_status();
        }
        self.report(&Report { exited: Some(exited), ..Report::default() });
        Ok(())
    }

    fn release(&mut self, pid: u32) {
        if self.children.get(&pid).is_some_and(|child| child.status.is_some())
            && let Some(child) = self.children.remove(&pid)
        {
            // It has ended, so this takes it away.
            let _ = tepui_linux::reap(&child.handle);
        }
    }

    /// Says something to the agent, if there is one.
    fn report(&mut self, report: &Report) {
        let Some(agent) = &mut self.agent else { return };
        agent.unsent.extend(frame(report));
        if let Err(error) = agent.flush(&self.epoll) {
            let _ = writeln!(io::stderr(), "launcher: lost the agent: {error}");
            self.lose_agent();
        }
    }
}

/// The limits of open files, soft and hard: each container takes one of ours.
struct FilesLimit(u64, u64);

impl FilesLimit {
    /// Allows this process all that the hard limit allows.
    fn raise() -> io::Result<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(Self(soft, hard))
    }

    /// Gives a child what it would have without us. Lowering is always allowed.
    fn restore(&self) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, self.0, self.1);
    }
}

impl Agent {
    fn take_files(&mut self) -> io::Result<[OwnedFd; LAUNCH_FILES]> {
        if self.files.len() < LAUNCH_FILES {
            return Err(io::Error::other("a launch without its files"));
        }
        let files: Vec<OwnedFd> = self.files.drain(..LAUNCH_FILES).collect();
        files.try_into().map_err(|_| io::Error::other("a launch without its files"))
    }

    /// Writes what there is room for. An agent that does not read has no more outstanding than one report a container.
    fn flush(&mut self, epoll: &Epoll) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let wanted = if self.unsent.is_empty() {
            EpollFlags::EPOLLIN
        } else {
            EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT
        };
        epoll.modify(&self.socket, &mut EpollEvent::new(wanted, AGENT)).map_err(Into::into)
    }
}

impl Start {
    /// Takes what is told; whether that is all.
    fn hear(&mut self) -> bool {
        loop {
            let mut piece = [0; 512];
            match self.failures.read(&mut piece) {
                Ok(0) => return true,
                Ok(count) => self.told.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    /// What went wrong, if something was told.
    fn failure(&self) -> Option<Failure> {
        (!self.told.is_empty()).then(|| Failure::decode(self.told.as_slice()).unwrap_or_default())
    }
}

impl Child {
    /// Leaves the status, if there is one, where the next agent finds it even if we are gone.
    fn keep_status(&self) {
        let Some(status) = self.status.filter(|_| !self.is_switchboard) else { return };
        if let Err(error) = runtime::write_status(Path::new(&self.runtime), status) {
            let _ = writeln!(
                io::stderr(),
                "launcher: failed to keep the status of `{}`: {error}",
                self.container
            );
        }
    }
}
