//! Ending a process with all that it started.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use crate::{PidFd, ProcessTable, Signal};

/// How often the processes are listed while they are being frozen. A tree that still grows after that (a fork bomb)
/// needs a cgroup.
const MAX_PASSES: usize = 16;

/// How long killed processes may take to end, all together. One that waits for a broken disk never does.
const LONGEST_DEATH: Duration = Duration::from_secs(10);

/// Sends a signal to `root`, its descendants and everyone in their sessions and groups. Returns whom it reached.
pub fn signal_tree(root: u32, signal: Signal) -> io::Result<Vec<u32>> {
    let table = ProcessTable::read()?;
    let mut reached = Vec::new();
    for entry in table.tree(root) {
        if !entry.is_zombie && send(entry.pid, entry.session, signal).is_some() {
            reached.push(entry.pid);
        }
    }
    Ok(reached)
}

/// Kills each of `roots` with all that it started, waits for their end, and returns the processes that were
/// killed.
///
/// Everyone is stopped first, and the list is read again until nobody new is in it, so that a process which forks
/// while its tree is being killed does not leave a child behind. Reading `/proc` costs the most here, hence several
/// trees at once.
pub fn kill_trees(roots: &[u32]) -> io::Result<Vec<u32>> {
    let mut frozen: BTreeSet<u32> = BTreeSet::new();
    let mut handles = Vec::new();
    let mut listed = Ok(());
    for _ in 0..MAX_PASSES {
        let table = match ProcessTable::read() {
            Ok(table) => table,
            Err(error) => {
                // Whoever is stopped by now must still be killed.
                listed = Err(error);
                break;
            }
        };
        let before = frozen.len();
        for entry in roots.iter().flat_map(|root| table.tree(*root)) {
            if !entry.is_zombie
                && !frozen.contains(&entry.pid)
                && let Some(handle) = send(entry.pid, entry.session, Signal::STOP)
            {
                frozen.insert(entry.pid);
                handles.push(handle);
            }
        }
        if frozen.len() == before {
            break;
        }
    }
    for handle in &handles {
        match handle.send(Signal::KILL) {
            Ok(()) => {}
            // Ended by itself before it was stopped.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => listed = Err(error),
        }
    }
    wait_for_the_end(&handles)?;
    listed.map(|()| frozen.into_iter().collect())
}

/// A signal is only sent when `send` returns: on a busy machine the process may live on for a while.
fn wait_for_the_end(handles: &[PidFd]) -> io::Result<()> {
    let deadline = Instant::now() + LONGEST_DEATH;
    for handle in handles {
        while !handle.wait(deadline.saturating_duration_since(Instant::now()))? {
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "a killed process does not end"));
            }
        }
    }
    Ok(())
}

/// Signals the process `pid` if it is still the one that was listed in `session`: the id may have passed to another.
fn send(pid: u32, session: u32, signal: Signal) -> Option<PidFd> {
    let handle = PidFd::open(pid).ok()?;
    let entry = ProcessTable::read_one(pid)?;
    if entry.session != session {
        return None;
    }
    handle.send(signal).ok().map(|()| handle)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::{Process, Spawn};

    fn shell(script: &str) -> Process {
        let mut spawn = Spawn::new("/bin/sh", "/");
        spawn.arguments = ["sh", "-c", script].map(std::ffi::OsString::from).to_vec();
        spawn.environment.insert("PATH".into(), "/usr/bin:/bin".into());
        spawn.spawn().unwrap()
    }

    fn until(what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::yield_now();
        }
    }

    fn alive(root: u32) -> usize {
        ProcessTable::read().unwrap().tree(root).iter().filter(|entry| !entry.is_zombie).count()
    }

    #[test]
    fn children_in_other_sessions_and_orphans_of_the_session_are_killed() {
        let mut process = shell("setsid sleep 1000 & (sleep 1000 & sleep 1000 &) ; wait");
        let root = process.pid();
        until("the tree is up", || alive(root) >= 4);
        let killed = kill_trees(&[root]).unwrap();
        assert!(killed.len() >= 4, "{killed:?}");
        assert_eq!(process.wait().unwrap().signal(), Some(9));
        for pid in killed {
            until("all are gone", || ProcessTable::read_one(pid).is_none_or(|entry| entry.is_zombie));
        }
    }

    #[test]
    fn orphans_are_killed_after_their_leader_ended() {
        let mut process = shell("sleep 1000 & exit 0");
        assert!(process.wait().unwrap().success());
        until("the orphan is up", || alive(process.pid()) == 1);
        assert_eq!(kill_trees(&[process.pid()]).unwrap().len(), 1);
        until("the orphan is gone", || alive(process.pid()) == 0);
    }

    #[test]
    fn a_signal_reaches_the_whole_tree() {
        let mut process = shell("sleep 1000 & wait");
        until("the tree is up", || alive(process.pid()) == 2);
        assert_eq!(signal_tree(process.pid(), Signal::TERM).unwrap().len(), 2);
        assert_eq!(process.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn nothing_to_kill_is_no_error() {
        assert_eq!(kill_trees(&[i32::MAX.unsigned_abs()]).unwrap(), Vec::<u32>::new());
    }
}
