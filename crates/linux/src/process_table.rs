//! What runs on this machine, as `/proc` shows it.

use std::collections::BTreeSet;
use std::{fs, io};

/// Where the start time is among the fields behind the name, from 0.
const START_TIME_FIELD: usize = 19;

/// One process of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessEntry {
    /// The process id.
    pub pid: u32,
    /// The parent.
    pub parent: u32,
    /// The process group.
    pub group: u32,
    /// The session.
    pub session: u32,
    /// Ended, and not yet reaped by its parent.
    pub is_zombie: bool,
}

/// The processes of the machine at one moment.
#[derive(Clone, Debug, Default)]
pub struct ProcessTable {
    entries: Vec<ProcessEntry>,
}

impl ProcessTable {
    /// Reads all of `/proc`. This blocks for some microseconds per process.
    pub fn read() -> io::Result<Self> {
        let mut entries = Vec::new();
        let mut stat = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A process that is gone by now is no process of this machine.
            if read_into(pid, &mut stat).is_ok() {
                entries.extend(parse(pid, &stat));
            }
        }
        Ok(Self { entries })
    }

    /// Reads one process; `None` if there is no such process.
    pub fn read_one(pid: u32) -> Option<ProcessEntry> {
        let mut stat = Vec::new();
        read_into(pid, &mut stat).ok()?;
        parse(pid, &stat)
    }

    /// When the process started, in the kernel's ticks since the boot; `None` if there is no such process. With the id it
    /// names one process of this boot.
    pub fn start_time(pid: u32) -> Option<u64> {
        let mut stat = Vec::new();
        read_into(pid, &mut stat).ok()?;
        let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
        let text = std::str::from_utf8(stat.get(end_of_name + 1..)?).ok()?;
        text.split_ascii_whitespace().nth(START_TIME_FIELD)?.parse().ok()
    }

    /// All processes.
    pub fn entries(&self) -> &[ProcessEntry] {
        &self.entries
    }

    /// The process `root`, its descendants, and whoever shares a session or a process group with one of them; ids of
    /// processes that ended are fine. Our own process and session are never part of it.
    pub fn tree(&self, root: u32) -> Vec<ProcessEntry> {
        let own = std::process::id();
        let own_session = self.entries.iter().find(|entry| entry.pid == own).map(|entry| entry.session);
        let own_group = self.entries.iter().find(|entry| entry.pid == own).map(|entry| entry.group);
        let mut pids = BTreeSet::from([root]);
        // A session and a group bear the pid of their leader, who may be gone while they live on.
        let mut sessions = BTreeSet::from([root]);
        let mut groups = BTreeSet::from([root]);
        let mut tree = Vec::new();
        let mut rest: Vec<ProcessEntry> =
            self.entries.iter().copied().filter(|e| e.pid != own && e.pid > 1).collect();
        loop {
            let before = tree.len();
            rest.retain(|entry| {
                let belongs = pids.contains(&entry.pid)
                    || pids.contains(&entry.parent)
                    || sessions.contains(&entry.session)
                    || groups.contains(&entry.group);
                if belongs {
                    pids.insert(entry.pid);
                    if Some(entry.session) != own_session {
                        sessions.insert(entry.session);
                    }
                    if Some(entry.group) != own_group {
                        groups.insert(entry.group);
                    }
                    tree.push(*entry);
                }
                !belongs
            });
            if tree.len() == before {
                return tree;
            }
        }
    }
}

fn read_into(pid: u32, stat: &mut Vec<u8>) -> io::Result<()> {
    use io::Read;
    stat.clear();
    fs::File::open(format!("/proc/{pid}/stat"))?.read_to_end(stat).map(drop)
}

/// Parses `pid (name) state parent group session ...`; the name may hold anything, parentheses too.
fn parse(pid: u32, stat: &[u8]) -> Option<ProcessEntry> {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(end_of_name + 1..)?).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse::<u32>().ok();
    Some(ProcessEntry {
        pid,
        parent: number()?,
        group: number()?,
        session: number()?,
        is_zombie: matches!(state, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pid: u32, parent: u32, group: u32, session: u32) -> ProcessEntry {
        ProcessEntry { pid, parent, group, session, is_zombie: false }
    }

    #[test]
    fn a_name_may_hold_parentheses_and_spaces() {
        let parsed = parse(7, b"7 (a) S 1 (b) R 5 6 4 0 -1").unwrap();
        assert_eq!(parsed, entry(7, 5, 6, 4));
        assert!(parse(7, b"7 (x) Z 5 6 4").unwrap().is_zombie);
        assert_eq!(parse(7, b""), None);
        assert_eq!(parse(7, b"7 (x) S 5"), None);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let table = ProcessTable::read().unwrap();
        assert!(table.entries().iter().any(|entry| entry.pid == std::process::id()));
        assert_eq!(
            ProcessTable::read_one(std::process::id()).map(|entry| entry.pid),
            Some(std::process::id())
        );
        assert_eq!(ProcessTable::read_one(u32::MAX), None);
    }

    #[test]
    fn a_process_keeps_its_start_time() {
        let own = ProcessTable::start_time(std::process::id()).unwrap();
        assert_eq!(ProcessTable::start_time(std::process::id()), Some(own));
        assert!(own >= ProcessTable::start_time(1).unwrap());
        assert_eq!(ProcessTable::start_time(u32::MAX), None);
    }

    #[test]
    fn a_tree_has_descendants_and_all_of_their_sessions_and_groups() {
        let table = ProcessTable {
            entries: vec![
                entry(100, 50, 100, 100),
                entry(101, 100, 101, 100),
                // Left by a parent that ended, still in the session.
                entry(102, 1, 102, 100),
                // A child that made a session of its own, with an orphan in it.
                entry(103, 101, 103, 103),
                entry(104, 1, 104, 103),
                // Others.
                entry(200, 50, 200, 200),
                entry(50, 1, 50, 50),
            ],
        };
        let pids = |root| table.tree(root).iter().map(|entry| entry.pid).collect::<BTreeSet<_>>();
        assert_eq!(pids(100), BTreeSet::from([100, 101, 102, 103, 104]));
        assert_eq!(pids(200), BTreeSet::from([200]));
        assert_eq!(pids(999), BTreeSet::new());
    }

    #[test]
    fn a_tree_never_holds_this_process() {
        let own = std::process::id();
        let table = ProcessTable {
            entries: vec![entry(own, 1, 300, 300), entry(301, 1, 300, 300), entry(302, 301, 302, 302)],
        };
        assert_eq!(table.tree(301).iter().map(|entry| entry.pid).collect::<Vec<_>>(), [301, 302]);
    }
}
