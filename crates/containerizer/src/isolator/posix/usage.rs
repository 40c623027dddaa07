//! `posix/cpu` and `posix/mem`: what a container's processes use, as `/proc` shows it. They limit nothing.

use std::fs;

use tepui_linux::ProcessTable;
use tepui_proto::v1;

use crate::ContainerConfig;
use crate::isolator::Isolator;

/// The kernel's ticks in a second, as it shows them to programs.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(crate) struct PosixCpu;

#[derive(Debug)]
pub(crate) struct PosixMemory;

impl Isolator for PosixCpu {
    fn name(&self) -> &'static str {
        "posix/cpu"
    }

    fn usage(&self, _: &ContainerConfig, pid: Option<u32>, statistics: &mut v1::ResourceStatistics) {
        let mut times = (0.0, 0.0);
        for stat in stats(pid) {
            times.0 += stat.user;
            times.1 += stat.system;
        }
        statistics.cpus_user_time_secs = Some(times.0);
        statistics.cpus_system_time_secs = Some(times.1);
    }
}

impl Isolator for PosixMemory {
    fn name(&self) -> &'static str {
        "posix/mem"
    }

    fn usage(&self, _: &ContainerConfig, pid: Option<u32>, statistics: &mut v1::ResourceStatistics) {
        statistics.mem_rss_bytes = Some(stats(pid).map(|stat| stat.resident_bytes).sum());
    }
}

/// What one process uses.
#[derive(Debug, PartialEq)]
struct Stat {
    user: f64,
    system: f64,
    resident_bytes: u64,
}

fn stats(pid: Option<u32>) -> impl Iterator<Item = Stat> {
    let tree = pid.and_then(|pid| Some(ProcessTable::read().ok()?.tree(pid))).unwrap_or_default();
    tree.into_iter().filter_map(|entry| parse(&fs::read_to_string(format!("/proc/{}/stat", entry.pid)).ok()?))
}

/// Reads the fields behind the name, which may hold anything.
fn parse(stat: &str) -> Option<Stat> {
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    let ticks = |index: usize| Some(fields.get(index)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    let pages: u64 = fields.get(21)?.parse().ok()?;
    Some(Stat { user: ticks(11)?, system: ticks(12)?, resident_bytes: pages * page_bytes() })
}

fn page_bytes() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let stat = parse(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert!(stat.resident_bytes > 100_000, "{stat:?}");
        assert_eq!(parse("1 (a b) S"), None);
    }
}
