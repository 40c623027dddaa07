//! What this machine has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use tepui_proto::v1;

const MB: u64 = 1024 * 1024;
const GB: u64 = 1024 * MB;

/// Assumed where the machine does not say.
const DEFAULT_MEM: u64 = GB;
const DEFAULT_DISK: u64 = 10 * GB;

/// The ports that are offered.
pub(crate) const DEFAULT_PORTS: (u64, u64) = (31_000, 32_000);

/// Adds what the machine has of the usual resources that the operator did not name.
pub(crate) fn complete(
    mut given: Vec<v1::Resource>,
    named: &BTreeSet<String>,
    work_dir: &Path,
) -> Vec<v1::Resource> {
    given.extend(resources(work_dir).into_iter().filter(|found| !named.contains(&found.name)));
    given
}

/// What the machine has to offer: leaves some memory and disk to the system.
fn resources(work_dir: &Path) -> Vec<v1::Resource> {
    let mem = mem_total().map_or(DEFAULT_MEM, |total| share(total, 2 * GB, GB));
    let disk = disk_total(work_dir).map_or(DEFAULT_DISK, |total| share(total, 10 * GB, 5 * GB));
    let ports = v1::value::Range { begin: DEFAULT_PORTS.0, end: DEFAULT_PORTS.1 };
    vec![
        scalar("cpus", cpus()),
        scalar("mem", mem / MB),
        scalar("disk", disk / MB),
        v1::Resource {
            name: "ports".to_owned(),
            r#type: v1::value::Type::Ranges.into(),
            ranges: Some(v1::value::Ranges { range: vec![ports] }),
            ..v1::Resource::default()
        },
    ]
}

/// All but `kept` of a total that is big enough, half of a smaller one.
fn share(total: u64, big: u64, kept: u64) -> u64 {
    if total >= big { total - kept } else { total / 2 }
}

#[expect(clippy::cast_precision_loss, reason = "amounts are doubles in the API")]
fn scalar(name: &str, value: u64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value: value as f64 }),
        ..v1::Resource::default()
    }
}

/// Compat: all processors of the machine, also when we may use fewer.
fn cpus() -> u64 {
    let online = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let online = online.lines().filter(|line| line.starts_with("processor")).count();
    let usable = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u64::try_from(if online > 0 { online } else { usable() }).unwrap_or(1)
}

fn mem_total() -> Option<u64> {
    meminfo("MemTotal:")
}

fn meminfo(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kb: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kb.checked_mul(1024)
}

fn disk_total(path: &Path) -> Option<u64> {
    let stat = statvfs(path).ok()?;
    stat.blocks().checked_mul(stat.fragment_size())
}

/// The metrics of the machine.
#[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
pub(crate) fn metrics() -> Vec<(&'static str, f64)> {
    let mut all = vec![("system/cpus_total", cpus() as f64)];
    all.extend(mem_total().map(|bytes| ("system/mem_total_bytes", bytes as f64)));
    all.extend(meminfo("MemFree:").map(|bytes| ("system/mem_free_bytes", bytes as f64)));
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads = loads.split_whitespace().map_while(|load| load.parse().ok());
    all.extend(["system/load_1min", "system/load_5min", "system/load_15min"].into_iter().zip(loads));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_left_to_the_system() {
        assert_eq!(share(8 * GB, 2 * GB, GB), 7 * GB);
        assert_eq!(share(GB, 2 * GB, GB), GB / 2);
    }

    #[test]
    fn what_is_named_is_not_looked_for() {
        let written = ["mem", "ports"].map(str::to_owned).into();
        let completed = complete(vec![scalar("mem", 5)], &written, Path::new("/"));
        let names: Vec<&str> = completed.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["mem", "cpus", "disk"], "an operator who says `ports:[]` wants none");
    }

    #[test]
    fn the_machine_has_something_to_offer() {
        let found = resources(Path::new("/"));
        assert_eq!(
            found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["cpus", "mem", "disk", "ports"]
        );
        assert!(found[..3].iter().all(|one| one.scalar.as_ref().is_some_and(|scalar| scalar.value >= 1.0)));
    }
}
