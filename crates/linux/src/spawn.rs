//! Starting a program with exactly what it is given: arguments, environment, folder, files and user.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::libc;
use nix::unistd::{Gid, Uid};

use crate::vfork::Start;
use crate::{Credentials, PidFd, Signal};

/// How long one wait for an end is; there is always another.
const LONG: Duration = Duration::from_hours(1);

/// Where a stream of the new process goes.
#[derive(Debug, Default)]
pub enum Output {
    /// Nowhere.
    #[default]
    Null,
    /// Where ours goes.
    Inherit,
    /// Into this file.
    File(File),
}

/// A process to be started. Nothing is inherited that is not named here; the standard input is empty.
#[derive(Debug)]
pub struct Spawn {
    /// The executable. Without a slash it is searched for in the `PATH` of `environment`.
    pub program: OsString,
    /// The arguments, `argv[0]` included. Without any, `argv[0]` is `program`.
    pub arguments: Vec<OsString>,
    /// The whole environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The folder to start in.
    pub directory: PathBuf,
    /// The standard output.
    pub stdout: Output,
    /// The standard error.
    pub stderr: Output,
    /// The user to become; ours if absent.
    pub credentials: Option<Credentials>,
    /// What the process gets when the *thread* that started it ends. Only for programs whose main thread starts it.
    pub parent_death_signal: Option<Signal>,
}

impl Spawn {
    /// A process of this program, with its name as the only argument, no environment and no output, in `directory`.
    pub fn new(program: impl Into<OsString>, directory: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: directory.into(),
            stdout: Output::Null,
            stderr: Output::Null,
            credentials: None,
            parent_death_signal: None,
        }
    }

    /// Starts the process in a session of its own.
    pub fn spawn(self) -> io::Result<Process> {
        // Who changes its user while it borrows our memory makes us unreadable, too, for as long as we live.
        if self.credentials.is_some() { self.fork() } else { self.share() }
    }

    /// From a child that uses our memory.
    fn share(self) -> io::Result<Process> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let start = Start {
            program: &self.program,
            arguments: &self.arguments,
            environment: &self.environment,
            directory: self.directory.as_os_str(),
            standard: [Some(null.as_fd()), self.stdout.file(&null), self.stderr.file(&null)],
            parent_death_signal: self.parent_death_signal,
        };
        let (pid, handle) = start.start()?;
        Ok(Process { pid, handle, status: None })
    }

    /// From a child that has a copy of our memory.
    fn fork(self) -> io::Result<Process> {
        let mut command = Command::new(&self.program);
        let mut arguments = self.arguments.into_iter();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment)
            .current_dir(self.directory)
            .stdin(Stdio::null())
            .stdout(self.stdout.into_stdio())
            .stderr(self.stderr.into_stdio());
        let credentials = self.credentials.map(RawCredentials::from);
        let death_signal = self.parent_death_signal.map(|signal| (signal, std::process::id()));
        let in_child = move || prepare(credentials.as_ref(), death_signal);
        // SAFETY: between fork and exec, `prepare` only makes system calls on values made before; it does not
        // allocate, lock or panic.
        unsafe { command.pre_exec(in_child) };
        Process::watch(command.spawn()?)
    }
}

impl Output {
    /// The file that becomes the stream; none if ours stays.
    fn file<'a>(&'a self, null: &'a File) -> Option<BorrowedFd<'a>> {
        match self {
            Self::Null => Some(null.as_fd()),
            Self::Inherit => None,
            Self::File(file) => Some(file.as_fd()),
        }
    }

    fn into_stdio(self) -> Stdio {
        match self {
            Self::Null => Stdio::null(),
            Self::Inherit => Stdio::inherit(),
            Self::File(file) => file.into(),
        }
    }
}

/// Credentials in the types of the calls, so that nothing needs to be converted between fork and exec.
struct RawCredentials {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl From<Credentials> for RawCredentials {
    fn from(credentials: Credentials) -> Self {
        Self {
            uid: Uid::from_raw(credentials.uid),
            gid: Gid::from_raw(credentials.gid),
            groups: credentials.groups.into_iter().map(Gid::from_raw).collect(),
        }
    }
}

/// Runs in the child, between fork and exec.
fn prepare(credentials: Option<&RawCredentials>, death_signal: Option<(Signal, u32)>) -> io::Result<()> {
    nix::unistd::setsid()?;
    if let Some(credentials) = credentials {
        nix::unistd::setgroups(&credentials.groups)?;
        nix::unistd::setgid(credentials.gid)?;
        nix::unistd::setuid(credentials.uid)?;
    }
    if let Some((signal, parent)) = death_signal {
        // After the change of user, which clears it.
        // SAFETY: this option takes one integer and touches no memory.
        let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.as_raw()) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        if nix::unistd::getppid().as_raw().unsigned_abs() != parent {
            // The parent ended before the option was set: nobody would send the signal.
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
    }
    // A descriptor which a library of ours (or whoever started us) left open must not leak into a task.
    crate::close_on_execute()
}

/// A child of ours. Dropping it neither ends nor reaps it.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    handle: PidFd,
    /// How it ended, once it is reaped.
    status: Option<ExitStatus>,
}

impl Process {
    fn watch(mut child: Child) -> io::Result<Self> {
        match PidFd::open(child.id()) {
            Ok(handle) => Ok(Self { pid: child.id(), handle, status: None }),
            Err(error) => {
                // Nobody could learn of its end, so it must not live on.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The process id, which is also that of its session.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The handle, readable once the process has ended.
    pub fn handle(&self) -> &PidFd {
        &self.handle
    }

    /// Reaps the process if it has ended. Repeats the answer when asked again.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = crate::reap(&self.handle)?.map(ExitStatus::from_raw);
        }
        Ok(self.status)
    }

    /// Waits, blocking, until the process ends, and reaps it.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            self.handle.wait(LONG)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn output_file() -> File {
        let path = std::env::temp_dir().join(format!("tepui-spawn-{}-{}", std::process::id(), distinct()));
        let file = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }

    /// Distinct per call, which is all that the names of files need.
    fn distinct() -> usize {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    fn run(script: &str, change: impl FnOnce(&mut Spawn)) -> (ExitStatus, String) {
        let mut file = output_file();
        let mut spawn = Spawn::new("/bin/sh", "/");
        spawn.arguments = ["sh", "-c", script].map(OsString::from).to_vec();
        spawn.stdout = Output::File(file.try_clone().unwrap());
        change(&mut spawn);
        let status = spawn.spawn().unwrap().wait().unwrap();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        (status, text)
    }

    #[test]
    fn the_environment_is_replaced_and_not_inherited() {
        let mut file = output_file();
        let mut spawn = Spawn::new("/usr/bin/env", "/");
        spawn.environment.insert("ONLY".into(), "this".into());
        spawn.stdout = Output::File(file.try_clone().unwrap());
        assert!(spawn.spawn().unwrap().wait().unwrap().success());
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ONLY=this\n");
    }

    #[test]
    fn the_process_leads_its_own_session_in_its_folder() {
        let (_, text) = run("read -r stat </proc/$$/stat; set -- $stat; echo $1 $5 $6; pwd", |spawn| {
            spawn.directory = "/tmp".into();
        });
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words[0], words[1]);
        assert_eq!(words[0], words[2]);
        assert_eq!(words[3], "/tmp");
    }

    #[test]
    fn open_files_do_not_leak() {
        let leaky = output_file();
        // SAFETY: a duplicate of a valid descriptor, owned by the `OwnedFd` below.
        let fd = unsafe { libc::dup(std::os::fd::AsRawFd::as_raw_fd(&leaky)) };
        // SAFETY: `dup` just gave us this descriptor.
        let _leaked = unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) };
        let (_, text) = run(&format!("test -e /proc/self/fd/{fd} || echo none"), |_| {});
        assert_eq!(text.trim(), "none");
    }

    #[test]
    fn a_program_that_cannot_be_is_an_error_of_the_start() {
        let kind =
            |program: &str, directory: &str| Spawn::new(program, directory).spawn().unwrap_err().kind();
        for program in ["/no/such/program", "no-such-program", ""] {
            assert_eq!(kind(program, "/"), io::ErrorKind::NotFound, "{program:?}");
        }
        assert_eq!(kind("/bin/sh", "/no/such/folder"), io::ErrorKind::NotFound);
        assert_eq!(kind("/etc/passwd", "/"), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_program_is_looked_for_in_the_path_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("says");
        // Without an interpreter: the shell's.
        std::fs::write(&script, "echo $0 $1; kill -0 $PPID && echo child").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let (status, text) = run("", |spawn| {
            spawn.program = "says".into();
            spawn.arguments = ["x".into(), "hello".into()].to_vec();
            let path = format!("/no/such/folder:{}", folder.path().display());
            spawn.environment.insert("PATH".into(), path.into());
        });
        assert!(status.success());
        assert_eq!(text, format!("{} hello\nchild\n", script.display()));
    }

    #[test]
    fn signals_mean_what_they_mean_at_first() {
        let (_, text) = run("grep -E 'SigBlk|SigIgn' /proc/self/status", |spawn| {
            spawn.environment.insert("PATH".into(), "/usr/bin:/bin".into());
        });
        let set = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        assert_eq!(set("SigBlk:"), 0);
        // Rust's programs ignore it. What whoever started us ignores stays ignored.
        assert_eq!(set("SigIgn:") & (1 << (libc::SIGPIPE - 1)), 0);
    }

    #[test]
    fn the_user_is_switched_with_all_groups() {
        if !crate::is_root() {
            return;
        }
        let nobody = Credentials::of_user("nobody").unwrap();
        let expected = format!("{} {} {}", nobody.uid, nobody.gid, nobody.groups.len());
        let (_, text) = run("echo $(id -u) $(id -g) $(id -G | wc -w)", |spawn| {
            spawn.environment.insert("PATH".into(), "/usr/bin:/bin".into());
            spawn.credentials = Some(nobody);
        });
        assert_eq!(text.trim(), expected);
    }

    #[test]
    fn the_signal_that_ended_it_is_told() {
        let (status, _) = run("kill -SEGV $$", |_| {});
        assert_eq!(status.signal(), Some(libc::SIGSEGV));
        let (status, _) = run("exit 3", |_| {});
        assert_eq!(status.code(), Some(3));
    }
}
