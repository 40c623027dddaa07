//! What a process costs, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// How many ticks of processor time `/proc` counts in a second: fixed on Linux for user space.
const TICKS_PER_SECOND: u64 = 100;

/// A process that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

/// A process's memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What is resident.
    pub resident: u64,
    /// The same, with shared pages divided among those who share them.
    pub proportional: u64,
}

impl Process {
    /// This process.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// User and system time so far; zero if the process is gone.
    pub fn processor_time(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        times(&stat)
    }

    /// Its memory; zero if the process is gone.
    pub fn memory(self) -> Memory {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0)).unwrap_or_default();
        let kib = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        Memory { resident: kib("Rss:").unwrap_or(0) * 1024, proportional: kib("Pss:").unwrap_or(0) * 1024 }
    }

    /// Processor time by the name of its threads.
    pub fn threads(self) -> BTreeMap<String, Duration> {
        let mut times_by_name = BTreeMap::new();
        let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", self.0)) else { return times_by_name };
        for task in tasks.flatten() {
            let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            *times_by_name.entry(read("comm").trim().to_owned()).or_default() += times(&read("stat"));
        }
        times_by_name
    }
}

fn times(stat: &str) -> Duration {
    // The name in parentheses may hold anything, so the fields are counted from its end.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_costs_something() {
        assert!(Process::own().memory().resident > 1 << 20);
        assert_eq!(times("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 1 1"), Duration::from_secs(2));
        assert!(!Process::own().threads().is_empty());
    }
}
