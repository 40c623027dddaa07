//! A daemon that is killed, stopped and started again.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Verdict;
use super::network::signal;
use crate::wait::wait_for;

/// A daemon under a name, with one log over all its lives.
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    make: Box<dyn Fn() -> Command>,
    child: Option<Child>,
    is_stopped: bool,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(name: &str, folder: &Path, make: impl Fn() -> Command + 'static) -> Verdict<Self> {
        let log = folder.join(format!("{name}.log"));
        let mut process =
            Self { name: name.to_owned(), log, make: Box::new(make), child: None, is_stopped: false };
        process.restart()?;
        Ok(process)
    }

    /// Starts it unless it runs.
    pub(crate) fn restart(&mut self) -> Verdict {
        if self.child.is_some() {
            return Ok(());
        }
        let failed = |error| format!("failed to start {}: {error}", self.name);
        let log = File::options().create(true).append(true).open(&self.log).map_err(failed)?;
        let mut command = (self.make)();
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
        self.child = Some(command.spawn().map_err(failed)?);
        Ok(())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) -> Verdict {
        if let Some(mut child) = self.child.take() {
            child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
        }
        self.is_stopped = false;
        Ok(())
    }

    /// SIGSTOP. What is sent to it from then on waits.
    pub(crate) fn stop(&mut self) -> Verdict {
        if let Some(child) = &self.child {
            signal(child.id(), "-STOP")?;
            self.is_stopped = true;
            wait_for("every thread to stop", || has_stopped(child.id()).then_some(()));
        }
        Ok(())
    }

    /// SIGCONT.
    pub(crate) fn go_on(&mut self) -> Verdict {
        if let Some(child) = self.child.as_ref().filter(|_| self.is_stopped) {
            signal(child.id(), "-CONT")?;
            self.is_stopped = false;
        }
        Ok(())
    }

    /// Whether it has ended, by itself or not.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it runs and is not stopped.
    pub(crate) fn is_up(&self) -> bool {
        self.child.is_some() && !self.is_stopped
    }

    /// Fails if it ended by itself.
    pub(crate) fn check(&mut self) -> Verdict {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => Err(format!("{} ended with {status}", self.name)),
            Some(Ok(None) | Err(_)) | None => Ok(()),
        }
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Whether no thread of a process runs any more: the signal is there before they heed it.
fn has_stopped(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return true };
    threads.flatten().all(|thread| {
        // `number (name) state ...`, and the name may contain anything.
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        // The test is over either way.
        let _ = self.kill();
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("name", &self.name).finish_non_exhaustive()
    }
}
