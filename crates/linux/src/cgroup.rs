//! Control groups of both versions: where they are, who is in them, and ending all of them.
//!
//! A machine has the controllers of version 1 mounted apart, or all of them in the one tree of version 2, or both
//! (hybrid: version 1's controllers, and a tree of version 2 without). [`Hierarchies`] finds out which; a [`Cgroup`] is one
//! folder in one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{PidFd, Signal};

/// How long killed processes may take to end, all together. One that waits for a broken disk never does.
const LONGEST_DEATH: Duration = Duration::from_secs(10);

/// How often processes are listed again while they are being killed one by one.
const MAX_PASSES: usize = 64;

/// How long a folder that is empty may still be busy, and how often it is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(1);
const MAX_BUSY_PAUSES: u32 = 200;

/// The cgroup file systems of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchies {
    /// Where the tree of version 2 is mounted.
    pub unified: Option<PathBuf>,
    /// The controllers that the root of version 2 has.
    pub unified_controllers: BTreeSet<String>,
    /// Where each controller of version 1 is mounted.
    pub separate: BTreeMap<String, PathBuf>,
}

impl Hierarchies {
    /// Finds what is mounted at or below `base`.
    pub fn discover(base: &Path) -> io::Result<Self> {
        let mut found = Self::parse(&fs::read_to_string("/proc/self/mountinfo")?, base);
        if let Some(unified) = &found.unified {
            let controllers = fs::read_to_string(unified.join("cgroup.controllers"))?;
            found.unified_controllers = controllers.split_ascii_whitespace().map(str::to_owned).collect();
        }
        Ok(found)
    }

    fn parse(mounts: &str, base: &Path) -> Self {
        let mut found = Self::default();
        for line in mounts.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let Some(point) = left.split(' ').nth(4).map(PathBuf::from) else { continue };
            let mut right = right.split(' ');
            let (kind, options) = (right.next().unwrap_or_default(), right.nth(1).unwrap_or_default());
            if !point.starts_with(base) {
                continue;
            }
            match kind {
                "cgroup2" => found.unified = Some(point),
                "cgroup" => {
                    for controller in options.split(',').filter(|option| *option != "rw" && *option != "ro") {
                        found.separate.insert(controller.to_owned(), point.clone());
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Where a controller is, and which version it is of there.
    pub fn controller(&self, name: &str) -> Option<(&Path, Version)> {
        if let Some(path) = self.separate.get(name) {
            return Some((path, Version::One));
        }
        match &self.unified {
            Some(path) if self.unified_controllers.contains(name) => Some((path, Version::Two)),
            _ => None,
        }
    }

    /// Whether the machine's controllers are in the tree of version 2.
    pub fn is_unified(&self) -> bool {
        ["cpu", "memory"].iter().all(|name| self.unified_controllers.contains(*name))
    }
}

/// The version of a cgroup file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One tree per controller.
    One,
    /// One tree for all.
    Two,
}

/// One cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// The cgroup at this path, there or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, with those above it.
    pub fn create(&self) -> io::Result<()> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(&self.path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Sets one of its values.
    pub fn write(&self, file: &str, value: &str) -> io::Result<()> {
        // Not `fs::write`: that would create what is not there, with a misleading error.
        io::Write::write_all(&mut File::options().write(true).open(self.path.join(file))?, value.as_bytes())
    }

    /// Reads one of its values.
    pub fn read(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(self.path.join(file))
    }

    /// Reads one of its values that is a number; `None` for `max`.
    pub fn read_number(&self, file: &str) -> io::Result<Option<u64>> {
        let text = self.read(file)?;
        match text.trim() {
            "max" => Ok(None),
            number => number.parse().map(Some).map_err(io::Error::other),
        }
    }

    /// Reads one of its values that is a list of names and numbers.
    pub fn read_table(&self, file: &str) -> io::Result<BTreeMap<String, u64>> {
        let text = self.read(file)?;
        let pair = |line: &str| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        };
        Ok(text.lines().filter_map(pair).collect())
    }

    /// Gives the cgroups below this one these controllers (version 2).
    pub fn delegate(&self, controllers: &[&str]) -> io::Result<()> {
        for controller in controllers {
            self.write("cgroup.subtree_control", &format!("+{controller}"))?;
        }
        Ok(())
    }

    /// The processes in it, not those in the cgroups below.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let text = self.read("cgroup.procs")?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0).collect())
    }

    /// The cgroups directly below this one.
    pub fn children(&self) -> io::Result<Vec<Self>> {
        let mut children = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                children.push(Self::at(entry.path()));
            }
        }
        Ok(children)
    }

    /// Removes it, if nobody is in it, with those below. One that is not there is removed already.
    pub fn remove(&self) -> io::Result<()> {
        for _ in 0..MAX_BUSY_PAUSES {
            match fs::remove_dir(&self.path) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
                Err(error) => return Err(error),
            }
            for child in self.children()? {
                child.remove()?;
            }
            if !self.processes()?.is_empty() {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            // A process that has just ended may still be counted.
            std::thread::sleep(BUSY_PAUSE);
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Kills everyone in it and in those below, waits until they are gone, and removes it. The quick way when nobody is in
    /// it: it is just removed.
    pub fn destroy(&self) -> io::Result<()> {
        match fs::remove_dir(&self.path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) => {}
        }
        self.kill()?;
        self.remove()
    }

    /// Kills everyone in it and in those below, and waits until they are gone.
    pub fn kill(&self) -> io::Result<()> {
        match self.write("cgroup.kill", "1") {
            Ok(()) => self.wait_until_empty(),
            // Version 1, or a kernel before 5.14.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.kill_one_by_one(),
            Err(error) => Err(error),
        }
    }

    /// Waits until nobody is in it or below (version 2).
    fn wait_until_empty(&self) -> io::Result<()> {
        let deadline = Instant::now() + LONGEST_DEATH;
        let mut events = match File::open(self.path.join("cgroup.events")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        loop {
            let mut text = String::new();
            events.rewind()?;
            events.read_to_string(&mut text)?;
            if text.lines().any(|line| line == "populated 0") {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "a killed process does not end"));
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut wanted = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
            match poll(&mut wanted, timeout) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Kills whoever is listed, again and again, frozen meanwhile where that is possible, so that nobody forks away.
    fn kill_one_by_one(&self) -> io::Result<()> {
        let freezer = self.path.join("freezer.state").exists();
        let deadline = Instant::now() + LONGEST_DEATH;
        for _ in 0..MAX_PASSES {
            if freezer {
                self.write("freezer.state", "FROZEN")?;
            }
            let mut handles = Vec::new();
            self.each_process(&mut |pid| {
                if let Ok(handle) = PidFd::open(pid)
                    && handle.send(Signal::KILL).is_ok()
                {
                    handles.push(handle);
                }
            })?;
            if freezer {
                self.write("freezer.state", "THAWED")?;
            }
            if handles.is_empty() {
                return Ok(());
            }
            for handle in handles {
                while !handle.wait(deadline.saturating_duration_since(Instant::now()))? {
                    if Instant::now() >= deadline {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "a killed process does not end"));
                    }
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "processes are started faster than they are killed"))
    }

    fn each_process(&self, found: &mut impl FnMut(u32)) -> io::Result<()> {
        for child in self.children()? {
            child.each_process(found)?;
        }
        for pid in self.processes()? {
            found(pid);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_machine_is_understood() {
        let mounts = "\
25 1 0:22 / / rw - ext4 /dev/root rw
30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:1 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup memory rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
35 25 0:31 / /elsewhere rw - cgroup pids rw,pids
";
        let found = Hierarchies::parse(mounts, Path::new("/sys/fs/cgroup"));
        assert_eq!(found.unified.as_deref(), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(
            found.controller("cpuacct"),
            Some((Path::new("/sys/fs/cgroup/cpu,cpuacct"), Version::One))
        );
        assert_eq!(found.controller("pids"), None);
        assert!(!found.is_unified());
    }

    #[test]
    fn a_machine_of_version_two_is_understood() {
        let mut found = Hierarchies::parse(
            "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 none rw",
            Path::new("/sys/fs/cgroup"),
        );
        found.unified_controllers = ["cpu", "memory", "pids"].map(str::to_owned).into();
        assert_eq!(found.controller("pids"), Some((Path::new("/sys/fs/cgroup"), Version::Two)));
        assert!(found.is_unified());
    }
}
