//! `cgroups/cpu`: cpus as shares of the machine, and as a hard limit if asked for.

use std::io;

use tepui_linux::{Cgroup, Version};
use tepui_proto::v1;

use super::Cgroups;
use crate::isolator::{Isolator, failed, promised};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "cgroups/cpu";

/// The shares of one cpu, and the least that there are.
const SHARES_PER_CPU: f64 = 1024.0;
const MIN_SHARES: u64 = 2;

/// The shares of one cpu that may be taken away again.
const SHARES_PER_REVOCABLE_CPU: f64 = 10.0;

/// The weights of version 2: of one cpu, the least and the greatest.
const WEIGHT_PER_CPU: f64 = 100.0;
const MIN_WEIGHT: u64 = 1;
const MAX_WEIGHT: u64 = 10_000;

/// The period over which time is counted, and the least time in it.
const PERIOD_MICROSECONDS: u64 = 100_000;
const MIN_QUOTA_MICROSECONDS: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct Cpu {
    pub(crate) cgroups: Cgroups,
    /// `--cgroups_enable_cfs`: requests are limits, too.
    pub(crate) enable_quota: bool,
    /// `--revocable_cpu_low_priority`.
    pub(crate) is_revocable_low: bool,
}

/// What is written for a number of cpus.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    shares: u64,
    weight: u64,
    quota: Quota,
}

/// How much time there is in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quota {
    /// Nobody asked for a limit: what is set stays.
    AsItIs,
    Unlimited,
    Microseconds(u64),
}

impl Quota {
    /// As it is written, with the word for no limit.
    fn written(self, unlimited: &str) -> Option<String> {
        match self {
            Self::AsItIs => None,
            Self::Unlimited => Some(unlimited.to_owned()),
            Self::Microseconds(time) => Some(time.to_string()),
        }
    }
}

impl Cpu {
    fn share(&self, config: &ContainerConfig) -> Option<Share> {
        let cpus = promised(config, "cpus")?;
        let limit = config.limits.get("cpus").copied();
        let is_revocable =
            config.resources.iter().any(|resource| resource.name == "cpus" && resource.revocable.is_some());
        let per_cpu =
            if is_revocable && self.is_revocable_low { SHARES_PER_REVOCABLE_CPU } else { SHARES_PER_CPU };
        let quota = match limit {
            Some(limit) if limit.is_infinite() => Quota::Unlimited,
            Some(limit) => Quota::Microseconds(quota(limit)),
            None if self.enable_quota => Quota::Microseconds(quota(cpus)),
            None => Quota::AsItIs,
        };
        Some(Share {
            shares: whole(per_cpu * cpus).max(MIN_SHARES),
            weight: whole(per_cpu / SHARES_PER_CPU * WEIGHT_PER_CPU * cpus).clamp(MIN_WEIGHT, MAX_WEIGHT),
            quota,
        })
    }

    fn set(&self, cgroup: &Cgroup, version: Version, config: &ContainerConfig) -> io::Result<()> {
        let Some(share) = self.share(config) else { return Ok(()) };
        match version {
            Version::One => {
                cgroup.write("cpu.shares", &share.shares.to_string())?;
                if let Some(quota) = share.quota.written("-1") {
                    cgroup.write("cpu.cfs_period_us", &PERIOD_MICROSECONDS.to_string())?;
                    cgroup.write("cpu.cfs_quota_us", &quota)?;
                }
            }
            Version::Two => {
                cgroup.write("cpu.weight", &share.weight.to_string())?;
                if let Some(quota) = share.quota.written("max") {
                    cgroup.write("cpu.max", &format!("{quota} {PERIOD_MICROSECONDS}"))?;
                }
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and the least value is set by its caller"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_precision_loss, reason = "the period is small")]
fn quota(cpus: f64) -> u64 {
    whole(PERIOD_MICROSECONDS as f64 * cpus).max(MIN_QUOTA_MICROSECONDS)
}

impl Isolator for Cpu {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        self.cgroups.prepare("cpuacct", config, plan).map_err(failed(NAME, "make a cgroup of `cpuacct`"))?;
        let made =
            self.cgroups.prepare("cpu", config, plan).map_err(failed(NAME, "make a cgroup of `cpu`"))?;
        if let Some((cgroup, version)) = made {
            self.set(&cgroup, version, config).map_err(failed(NAME, "set the shares of cpu"))?;
        }
        Ok(())
    }

    fn update(&self, config: &ContainerConfig) -> io::Result<()> {
        match self.cgroups.holding("cpu", config) {
            Some((cgroup, version)) if super::has_own_cgroups(config) => self.set(&cgroup, version, config),
            _ => Ok(()),
        }
    }

    fn usage(&self, config: &ContainerConfig, _: Option<u32>, statistics: &mut v1::ResourceStatistics) {
        let Some((cgroup, version)) = self.cgroups.holding("cpu", config) else { return };
        let stat = cgroup.read_table("cpu.stat").unwrap_or_default();
        let count = |name: &str| stat.get(name).and_then(|count| u32::try_from(*count).ok());
        statistics.cpus_nr_periods = count("nr_periods");
        statistics.cpus_nr_throttled = count("nr_throttled");
        match version {
            Version::One => {
                statistics.cpus_throttled_time_secs =
                    stat.get("throttled_time").map(|time| seconds(*time, 1e9));
                if let Some((accounting, _)) = self.cgroups.holding("cpuacct", config) {
                    let ticks = accounting.read_table("cpuacct.stat").unwrap_or_default();
                    statistics.cpus_user_time_secs = ticks.get("user").map(|ticks| seconds(*ticks, 100.0));
                    statistics.cpus_system_time_secs =
                        ticks.get("system").map(|ticks| seconds(*ticks, 100.0));
                }
            }
            Version::Two => {
                let time = |name: &str| stat.get(name).map(|time| seconds(*time, 1e6));
                statistics.cpus_throttled_time_secs = time("throttled_usec");
                statistics.cpus_user_time_secs = time("user_usec");
                statistics.cpus_system_time_secs = time("system_usec");
            }
        }
    }

    fn clean(&self, config: &ContainerConfig) -> io::Result<()> {
        self.cgroups.clean("cpu", config)?;
        self.cgroups.clean("cpuacct", config)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time of years is exact to microseconds")]
fn seconds(count: u64, per_second: f64) -> f64 {
    count as f64 / per_second
}

#[cfg(test)]
mod tests {
    use tepui_types::ContainerId;

    use super::*;

    fn check(cpus: f64, limit: Option<f64>, enable_quota: bool, expected: &Share) {
        let resource = v1::Resource {
            name: "cpus".to_owned(),
            scalar: Some(v1::value::Scalar { value: cpus }),
            ..v1::Resource::default()
        };
        let mut config = ContainerConfig::new(ContainerId::new("c"), v1::CommandInfo::default(), "/sandbox");
        config.resources = vec![resource];
        config.limits.extend(limit.map(|limit| ("cpus".to_owned(), limit)));
        let cgroups = Cgroups { hierarchies: tepui_linux::Hierarchies::default(), root: "mesos".to_owned() };
        let isolator = Cpu { cgroups, enable_quota, is_revocable_low: true };
        assert_eq!(isolator.share(&config).as_ref(), Some(expected));
    }

    #[test]
    fn shares_and_quotas_are_those_of_mesos() {
        check(2.0, None, false, &Share { shares: 2048, weight: 200, quota: Quota::AsItIs });
        check(0.001, None, true, &Share { shares: 2, weight: 1, quota: Quota::Microseconds(1000) });
        check(0.5, Some(1.5), false, &Share { shares: 512, weight: 50, quota: Quota::Microseconds(150_000) });
        check(1.0, Some(f64::INFINITY), true, &Share { shares: 1024, weight: 100, quota: Quota::Unlimited });
        check(1000.0, None, false, &Share { shares: 1_024_000, weight: 10_000, quota: Quota::AsItIs });
    }
}
