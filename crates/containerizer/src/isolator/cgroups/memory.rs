//! `cgroups/mem`: memory with a soft limit and a hard one; a container that reaches the hard one is ended and told so.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use tepui_linux::{Cgroup, Version};
use tepui_proto::v1;
use tepui_types::format_bytes;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Cgroups, has_own_cgroups};
use crate::isolator::{Isolator, Latest, Limitation, Watch, failed, promised};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "cgroups/mem";

const MEGABYTE: u64 = 1 << 20;

/// The least limit, in bytes.
const MIN_BYTES: u64 = 32 * MEGABYTE;

#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) cgroups: Cgroups,
    /// `--cgroups_limit_swap`: the limit is one of memory and swap together.
    pub(crate) limits_swap: bool,
}

/// The two limits, in bytes.
#[derive(Debug, PartialEq, Eq)]
struct Limits {
    soft: u64,
    /// None is no limit.
    hard: Option<u64>,
}

fn limits(config: &ContainerConfig) -> Option<Limits> {
    let soft = bytes(promised(config, "mem")?).max(MIN_BYTES);
    let hard = match config.limits.get("mem") {
        Some(limit) if limit.is_infinite() => None,
        Some(limit) => Some(bytes(*limit).max(MIN_BYTES)),
        None => Some(soft),
    };
    Some(Limits { soft, hard })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the conversion saturates"
)]
fn bytes(megabytes: f64) -> u64 {
    (megabytes * MEGABYTE as f64) as u64
}

#[expect(clippy::cast_precision_loss, reason = "exact for all memory there is")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE as f64
}

impl Memory {
    /// The cgroup that is the container's own.
    fn own(&self, config: &ContainerConfig) -> Option<(Cgroup, Version)> {
        if has_own_cgroups(config) { self.cgroups.holding("memory", config) } else { None }
    }

    fn set_soft(cgroup: &Cgroup, version: Version, soft: u64) -> io::Result<()> {
        match version {
            Version::One => cgroup.write("memory.soft_limit_in_bytes", &soft.to_string()),
            Version::Two => cgroup.write("memory.low", &soft.to_string()),
        }
    }

    fn set_hard(
        &self,
        cgroup: &Cgroup,
        version: Version,
        hard: Option<u64>,
        is_raised: bool,
    ) -> io::Result<()> {
        let number = |none: &str| hard.map_or_else(|| none.to_owned(), |hard| hard.to_string());
        match version {
            Version::One => {
                let mut files = vec!["memory.limit_in_bytes"];
                if self.limits_swap {
                    files.push("memory.memsw.limit_in_bytes");
                }
                // The limit with swap must never be below the one without.
                if is_raised {
                    files.reverse();
                }
                files.into_iter().try_for_each(|file| cgroup.write(file, &number("-1")))
            }
            Version::Two => {
                cgroup.write("memory.max", &number("max"))?;
                if self.limits_swap { cgroup.write("memory.swap.max", "0") } else { Ok(()) }
            }
        }
    }
}

impl Isolator for Memory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let made = self
            .cgroups
            .prepare("memory", config, plan)
            .map_err(failed(NAME, "make a cgroup of `memory`"))?;
        if let (Some((cgroup, version)), Some(limits)) = (made, limits(config)) {
            Self::set_soft(&cgroup, version, limits.soft)
                .and_then(|()| self.set_hard(&cgroup, version, limits.hard, false))
                .map_err(failed(NAME, "limit the memory"))?;
        }
        Ok(())
    }

    fn update(&self, config: &ContainerConfig) -> io::Result<()> {
        let (Some((cgroup, version)), Some(limits)) = (self.own(config), limits(config)) else {
            return Ok(());
        };
        Self::set_soft(&cgroup, version, limits.soft)?;
        let current = hard_limit(&cgroup, version)?;
        // Lowering the hard limit below what is in use would end the container; the soft one presses it to give memory back.
        let is_raised = match (limits.hard, current) {
            (None, _) => true,
            (Some(hard), Some(current)) => hard > current,
            (Some(_), None) => false,
        };
        if is_raised { self.set_hard(&cgroup, version, limits.hard, true) } else { Ok(()) }
    }

    fn usage(&self, config: &ContainerConfig, _: Option<u32>, statistics: &mut v1::ResourceStatistics) {
        let Some((cgroup, version)) = self.cgroups.holding("memory", config) else { return };
        let stat = cgroup.read_table("memory.stat").unwrap_or_default();
        let value = |name: &str| stat.get(name).copied();
        let number = |file: &str| cgroup.read_number(file).ok().flatten();
        match version {
            Version::One => {
                statistics.mem_total_bytes = number("memory.usage_in_bytes");
                statistics.mem_total_memsw_bytes = number("memory.memsw.usage_in_bytes");
                statistics.mem_cache_bytes = value("total_cache");
                statistics.mem_file_bytes = value("total_cache");
                statistics.mem_rss_bytes = value("total_rss");
                statistics.mem_anon_bytes = value("total_rss");
                statistics.mem_mapped_file_bytes = value("total_mapped_file");
                statistics.mem_swap_bytes = value("total_swap");
                statistics.mem_unevictable_bytes = value("total_unevictable");
                statistics.mem_soft_limit_bytes = number("memory.soft_limit_in_bytes");
            }
            Version::Two => {
                statistics.mem_total_bytes = number("memory.current");
                statistics.mem_swap_bytes = number("memory.swap.current");
                statistics.mem_cache_bytes = value("file");
                statistics.mem_file_bytes = value("file");
                statistics.mem_rss_bytes = value("anon");
                statistics.mem_anon_bytes = value("anon");
                statistics.mem_mapped_file_bytes = value("file_mapped");
                statistics.mem_unevictable_bytes = value("unevictable");
                statistics.mem_soft_limit_bytes = number("memory.low");
            }
        }
        if let Ok(Some(limit)) = hard_limit(&cgroup, version) {
            statistics.mem_limit_bytes = Some(limit);
        }
    }

    fn watch(&self, config: &ContainerConfig, _: &Latest) -> Option<Watch> {
        let (cgroup, version) = self.own(config)?;
        let notifier = Notifier::new(&cgroup, version).inspect_err(|error| {
            tracing::warn!(container = %config.container_id, %error, "failed to watch for the end of memory");
        });
        let notifier = notifier.ok()?;
        Some(Box::pin(async move {
            // Before the first sign, too: it may have come before we listened.
            while kills(&cgroup, version) == 0 {
                // What cannot be watched is looked at once more when the container has ended.
                if notifier.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                // Version 1 gives its sign before it kills and counts; removing the cgroup gives one, too.
                if version == Version::One && cgroup.read_number("memory.limit_in_bytes").is_ok() {
                    break;
                }
            }
            limitation(&cgroup, version)
        }))
    }

    fn limitation(&self, config: &ContainerConfig) -> Option<Limitation> {
        let (cgroup, version) = self.own(config)?;
        (kills(&cgroup, version) > 0).then(|| limitation(&cgroup, version))
    }

    fn clean(&self, config: &ContainerConfig) -> io::Result<()> {
        self.cgroups.clean("memory", config)
    }
}

fn hard_limit(cgroup: &Cgroup, version: Version) -> io::Result<Option<u64>> {
    match version {
        Version::One => cgroup.read_number("memory.limit_in_bytes"),
        Version::Two => cgroup.read_number("memory.max"),
    }
}

/// How many processes were killed because memory ran out.
fn kills(cgroup: &Cgroup, version: Version) -> u64 {
    let file = match version {
        Version::One => "memory.oom_control",
        Version::Two => "memory.events",
    };
    cgroup.read_table(file).ok().and_then(|table| table.get("oom_kill").copied()).unwrap_or_default()
}

/// Says what happened in the words of Mesos.
fn limitation(cgroup: &Cgroup, version: Version) -> Limitation {
    let limit = hard_limit(cgroup, version).ok().flatten();
    let peak = match version {
        Version::One => cgroup.read_number("memory.max_usage_in_bytes"),
        Version::Two => cgroup.read_number("memory.peak").or(Ok(limit)),
    };
    let peak = peak.ok().flatten();
    let mut message = "Memory limit exceeded: ".to_owned();
    if let Some(limit) = limit {
        let _ = write!(message, "Requested: {} ", format_bytes(limit));
    }
    if let Some(peak) = peak {
        let _ = writeln!(message, "Maximum Used: {}", format_bytes(peak));
    }
    if let Ok(stat) = cgroup.read("memory.stat") {
        let _ = writeln!(message, "\nMEMORY STATISTICS: \n{stat}");
    }
    let reason = v1::task_status::Reason::ContainerLimitationMemory;
    Limitation::scalar("mem", peak.map_or(0.0, megabytes), message, reason)
}

/// Tells when memory may have run out.
#[derive(Debug)]
enum Notifier {
    /// Readable each time it happens (version 1).
    Counter(AsyncFd<OwnedFd>),
    /// Has something urgent to say each time one of its numbers changes (version 2).
    Events(AsyncFd<OwnedFd>),
}

impl Notifier {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; an `OwnedFd` is one open descriptor for as long as it lives"
    )]
    fn new(cgroup: &Cgroup, version: Version) -> io::Result<Self> {
        match version {
            Version::One => {
                let flags =
                    nix::sys::eventfd::EfdFlags::EFD_CLOEXEC | nix::sys::eventfd::EfdFlags::EFD_NONBLOCK;
                let counter = nix::sys::eventfd::EventFd::from_value_and_flags(0, flags)?;
                let control = File::open(cgroup.path().join("memory.oom_control"))?;
                let registration = format!("{} {}", counter.as_raw_fd(), control.as_raw_fd());
                cgroup.write("cgroup.event_control", &registration)?;
                let counter = AsyncFd::with_interest(OwnedFd::from(counter), Interest::READABLE)?;
                Ok(Self::Counter(counter))
            }
            Version::Two => {
                let events = OwnedFd::from(File::open(cgroup.path().join("memory.events"))?);
                Ok(Self::Events(AsyncFd::with_interest(events, Interest::PRIORITY)?))
            }
        }
    }

    /// Completes at the next sign.
    async fn changed(&self) -> io::Result<()> {
        match self {
            Self::Counter(counter) => {
                let mut guard = counter.readable().await?;
                let mut count = [0; 8];
                // Only to make it quiet again.
                let _ = nix::unistd::read(counter.get_ref(), &mut count);
                guard.clear_ready();
            }
            Self::Events(events) => {
                let mut guard = events.ready(Interest::PRIORITY).await?;
                let mut text = [0; 1024];
                // Reading is what makes it quiet again.
                let _ = nix::sys::uio::pread(events.get_ref(), &mut text, 0);
                guard.clear_ready();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tepui_types::ContainerId;

    use super::*;

    fn check(mem: f64, limit: Option<f64>, expected: &Limits) {
        let resource = v1::Resource {
            name: "mem".to_owned(),
            scalar: Some(v1::value::Scalar { value: mem }),
            ..v1::Resource::default()
        };
        let mut config = ContainerConfig::new(ContainerId::new("c"), v1::CommandInfo::default(), "/sandbox");
        config.resources = vec![resource];
        config.limits.extend(limit.map(|limit| ("mem".to_owned(), limit)));
        assert_eq!(limits(&config).as_ref(), Some(expected));
    }

    #[test]
    fn limits_are_those_of_mesos() {
        check(64.0, None, &Limits { soft: 64 * MEGABYTE, hard: Some(64 * MEGABYTE) });
        check(1.0, None, &Limits { soft: MIN_BYTES, hard: Some(MIN_BYTES) });
        check(64.0, Some(128.0), &Limits { soft: 64 * MEGABYTE, hard: Some(128 * MEGABYTE) });
        check(64.0, Some(f64::INFINITY), &Limits { soft: 64 * MEGABYTE, hard: None });
    }
}
