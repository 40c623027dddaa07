//! From flags to checked settings.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tepui_allocator::{PatternLimits, Sorter};
use tepui_flags::{Addresses, Values};
use tepui_ha::SpecError;
use tepui_link::LinkConfig;
use tepui_master_core::RemovalRate;
use tepui_master_core::{AllocatorConfig, RateLimits, RateLimitsError};
use tepui_master_view::Settings;
use tepui_proto::{JsonDialect, JsonError, MesosMessage as _, v1};
use tepui_types::{QuantitiesError, ResourceQuantities, RoleError, Upid, parse_duration, validate_role};
use thiserror::Error;

mod high_availability;

use crate::Config;
use crate::clock::wall;

/// The bounds that Mesos sets to `--agent_ping_timeout`.
const AGENT_PING_TIMEOUT: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_mins(15);

/// The least `--agent_reregister_timeout`: an agent that restarts must have time to come back.
const MIN_AGENT_REREGISTER_TIMEOUT: Duration = Duration::from_mins(10);

/// The registry is not searched more often than this, whatever the flag says.
const MIN_REGISTRY_GC_INTERVAL: Duration = Duration::from_secs(1);

/// A flag whose value makes no sense.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Outside of its bounds.
    #[error("flag `{flag}`: expected {expected}, got `{value}`")]
    Bounds {
        /// The flag.
        flag: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        value: String,
    },
    /// A role is none.
    #[error("flag `{flag}`: `{role}` is not a valid role: {source}")]
    Role {
        /// The flag.
        flag: &'static str,
        /// The role.
        role: String,
        /// What is wrong with it.
        source: RoleError,
    },
    /// `--rate_limits` is no JSON, or not that of `RateLimits`.
    #[error("flag `rate_limits`: {0}")]
    RateLimitsJson(#[from] JsonError),
    /// `--rate_limits` makes no sense.
    #[error("flag `rate_limits`: {0}")]
    RateLimits(#[from] RateLimitsError),
    /// `--zk`, `--etcd` or a location in `--registry` cannot be read.
    #[error("flag `{flag}`: {source}")]
    Location {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        source: SpecError,
    },
    /// Flags that contradict each other, or lack one.
    #[error("flag `{flag}`: {problem}\nhint: {hint}")]
    Combination {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// `--min_allocatable_resources` is malformed.
    #[error("flag `min_allocatable_resources`: {0}")]
    MinAllocatable(#[from] QuantitiesError),
    /// `--domain` is malformed.
    #[error("flag `domain`: {0}")]
    Domain(#[source] JsonError),
}

impl Config {
    /// Checks the values of [`crate::flags::FLAGS`]; `addresses` are those of the bound listener.
    ///
    /// # Errors
    /// A value makes no sense.
    pub fn from_flags(values: &Values, addresses: &Addresses) -> Result<Self, ConfigError> {
        let core = core(values, addresses)?;
        let owned = |name| values.text(name).map(str::to_owned);
        let view = Settings {
            cluster: owned("cluster"),
            log_dir: owned("log_dir"),
            external_log_file: owned("external_log_file"),
            flags: values.shown(),
            max_completed_frameworks: core.max_completed_frameworks,
            max_completed_tasks_per_framework: core.max_completed_tasks_per_framework,
            max_unreachable_tasks_per_framework: core.max_unreachable_tasks_per_framework,
            publish_per_framework_metrics: values.bool("publish_per_framework_metrics"),
            roles: core.roles.clone(),
            ..Settings::default()
        };
        let link = LinkConfig::new(addresses.advertised);
        let election = high_availability::election(values)?;
        Ok(Self {
            link,
            whitelist: whitelist_file(values),
            max_subscribers: values
                .integer("max_operator_event_stream_subscribers")
                .and_then(|most| usize::try_from(most).ok())
                .unwrap_or(usize::MAX),
            registry: high_availability::registry(values, election.as_ref())?,
            election,
            registry_fetch_timeout: values.duration("registry_fetch_timeout").unwrap_or_default(),
            registry_store_timeout: values.duration("registry_store_timeout").unwrap_or_default(),
            ..Self::new(core, view)
        })
    }
}

fn core(values: &Values, addresses: &Addresses) -> Result<tepui_master_core::Config, ConfigError> {
    let duration = |name| values.duration(name).unwrap_or_default();
    let size =
        |name| values.integer(name).and_then(|value| usize::try_from(value).ok()).unwrap_or(usize::MAX);
    let bounds = |flag: &'static str, expected, holds: bool| {
        if holds {
            return Ok(());
        }
        Err(ConfigError::Bounds { flag, expected, value: values.text(flag).unwrap_or_default().to_owned() })
    };
    let agent_ping_timeout = duration("agent_ping_timeout");
    bounds("agent_ping_timeout", "1secs to 15mins", AGENT_PING_TIMEOUT.contains(&agent_ping_timeout))?;
    let agent_reregister_timeout = duration("agent_reregister_timeout");
    bounds(
        "agent_reregister_timeout",
        "10mins or more",
        agent_reregister_timeout >= MIN_AGENT_REREGISTER_TIMEOUT,
    )?;
    let allocation_interval = duration("allocation_interval");
    bounds("allocation_interval", "more than 0", !allocation_interval.is_zero())?;
    let max_agent_ping_timeouts = u32::try_from(size("max_agent_ping_timeouts")).unwrap_or(u32::MAX);
    bounds("max_agent_ping_timeouts", "1 or more", max_agent_ping_timeouts > 0)?;
    Ok(tepui_master_core::Config {
        pid: Upid { id: "master".into(), address: addresses.advertised },
        hostname: addresses.hostname.clone(),
        domain: domain(values)?,
        started: wall(),
        agent_ping_timeout,
        max_agent_ping_timeouts,
        agent_reregister_timeout,
        agent_removal_rate_limit: removal_rate(values)?,
        recovery_agent_removal_limit: removal_limit(values)?,
        registry_gc_interval: duration("registry_gc_interval").max(MIN_REGISTRY_GC_INTERVAL),
        registry_max_agent_age: duration("registry_max_agent_age"),
        registry_max_agent_count: size("registry_max_agent_count"),
        remove_unreturned_frameworks: values.bool("remove_unreturned_frameworks"),
        allocation_interval,
        offer_timeout: values.duration("offer_timeout"),
        root_submissions: values.bool("root_submissions"),
        roles: roles(values)?,
        rate_limits: rate_limits(values.text("rate_limits").unwrap_or_default())?,
        max_completed_frameworks: size("max_completed_frameworks"),
        max_completed_tasks_per_framework: size("max_completed_tasks_per_framework"),
        max_unreachable_tasks_per_framework: size("max_unreachable_tasks_per_framework"),
        filter_gpu_resources: values.bool("filter_gpu_resources"),
        min_allocatable_resources: min_allocatable(
            values.text("min_allocatable_resources").unwrap_or_default(),
        )?,
        allocator: allocator(values)?,
    })
}

fn allocator(values: &Values) -> Result<AllocatorConfig, ConfigError> {
    let max_program_size = values.integer("offer_constraints_re2_max_program_size");
    let max_program_size = max_program_size.and_then(|size| usize::try_from(size).ok());
    let default = PatternLimits::default();
    Ok(AllocatorConfig {
        offer_constraints_re2: PatternLimits {
            max_mem: values.bytes("offer_constraints_re2_max_mem").unwrap_or(default.max_mem),
            max_program_size: max_program_size.unwrap_or(default.max_program_size),
        },
        sorter: sorter(values)?,
        weights: weights(values.text("weights").unwrap_or_default())?,
        fair_sharing_excluded_resource_names: list(values, "fair_sharing_excluded_resource_names"),
        // Nothing is offered before the list is read.
        whitelist: whitelist_file(values).map(|_| BTreeSet::new()),
        require_agent_domain: values.bool("require_agent_domain"),
    })
}

/// The file of host names. Compat: `*` admits all hosts.
fn whitelist_file(values: &Values) -> Option<PathBuf> {
    let path = values.text("whitelist").filter(|path| *path != "*")?;
    Some(PathBuf::from(path.strip_prefix("file://").unwrap_or(path)))
}

fn sorter(values: &Values) -> Result<Sorter, ConfigError> {
    let name = |flag| values.text(flag).unwrap_or("drf");
    let (role, framework) = (name("role_sorter"), name("framework_sorter"));
    match role {
        _ if role != framework => Err(ConfigError::Bounds {
            flag: "framework_sorter",
            expected: "the same as `role_sorter`",
            value: framework.to_owned(),
        }),
        "drf" => Ok(Sorter::Drf),
        "random" => Ok(Sorter::Random),
        other => Err(ConfigError::Bounds {
            flag: "role_sorter",
            expected: "`drf` or `random`",
            value: other.to_owned(),
        }),
    }
}

/// Reads `NUMBER/DURATION`.
fn removal_rate(values: &Values) -> Result<Option<RemovalRate>, ConfigError> {
    const FLAG: &str = "agent_removal_rate_limit";
    let Some(text) = values.text(FLAG) else { return Ok(None) };
    let read = || {
        let (agents, per) = text.split_once('/')?;
        let agents: u32 = agents.trim().parse().ok()?;
        let per = parse_duration(per.trim()).ok()?;
        (agents > 0 && !per.is_zero()).then_some(RemovalRate { agents, per })
    };
    read().map(Some).ok_or_else(|| ConfigError::Bounds {
        flag: FLAG,
        expected: "a number of agents and a time, as in `1/10mins`",
        value: text.to_owned(),
    })
}

/// Reads `NUMBER%`, as a share of 1.
fn removal_limit(values: &Values) -> Result<f64, ConfigError> {
    const FLAG: &str = "recovery_agent_removal_limit";
    let text = values.text(FLAG).unwrap_or("100%");
    let percent: Option<f64> = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| ConfigError::Bounds { flag: FLAG, expected: "0% to 100%", value: text.to_owned() })
}

fn weights(text: &str) -> Result<Vec<(String, f64)>, ConfigError> {
    let mut weights = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let malformed = || ConfigError::Bounds {
            flag: "weights",
            expected: "`role=weight` with a weight above 0",
            value: pair.to_owned(),
        };
        let (role, weight) = pair.split_once('=').ok_or_else(malformed)?;
        let weight: f64 = weight.parse().map_err(|_| malformed())?;
        if !(weight.is_finite() && weight > 0.0) {
            return Err(malformed());
        }
        validate_role(role).map_err(|source| ConfigError::Role {
            flag: "weights",
            role: role.to_owned(),
            source,
        })?;
        weights.push((role.to_owned(), weight));
    }
    Ok(weights)
}

fn list(values: &Values, flag: &str) -> Vec<String> {
    let text = values.text(flag).unwrap_or_default();
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn domain(values: &Values) -> Result<Option<v1::DomainInfo>, ConfigError> {
    let Some(text) = values.text("domain") else { return Ok(None) };
    let domain = v1::DomainInfo::from_json(JsonDialect::V0, text.as_bytes());
    domain.map(Some).map_err(ConfigError::Domain)
}

fn roles(values: &Values) -> Result<Option<Vec<String>>, ConfigError> {
    let Some(text) = values.text("roles") else { return Ok(None) };
    let mut roles = Vec::new();
    for role in text.split(',').map(str::trim).filter(|role| !role.is_empty()) {
        validate_role(role).map_err(|source| ConfigError::Role {
            flag: "roles",
            role: role.to_owned(),
            source,
        })?;
        roles.push(role.to_owned());
    }
    // Compat: the default role is always among them.
    if !roles.iter().any(|role| role == tepui_types::DEFAULT_ROLE) {
        roles.push(tepui_types::DEFAULT_ROLE.to_owned());
    }
    Ok(Some(roles))
}

fn rate_limits(text: &str) -> Result<RateLimits, ConfigError> {
    if text.is_empty() {
        return Ok(RateLimits::default());
    }
    let limits = v1::RateLimits::from_json(JsonDialect::V0, text.as_bytes())?;
    Ok(RateLimits::from_proto(&limits)?)
}

fn min_allocatable(text: &str) -> Result<Vec<ResourceQuantities>, QuantitiesError> {
    text.split('|').filter(|set| !set.trim().is_empty()).map(ResourceQuantities::parse).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::flags::FLAGS;

    fn check(args: &[&str]) -> Result<Config, String> {
        let values = FLAGS.parse_with(args, &BTreeMap::new()).map_err(|error| error.to_string())?;
        let addresses = Addresses {
            listen: "127.0.0.1:5050".parse().unwrap(),
            advertised: "127.0.0.1:5050".parse().unwrap(),
            hostname: "localhost".to_owned(),
        };
        Config::from_flags(&values, &addresses).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_mesos_defaults() {
        let core = check(&[]).unwrap().core;
        assert_eq!(core.pid.to_string(), "master@127.0.0.1:5050");
        assert_eq!(core.agent_ping_timeout, Duration::from_secs(15));
        assert_eq!(core.min_allocatable_resources.len(), 2);
        assert_eq!(core.roles, None);
        assert_eq!(core.offer_timeout, None);
        assert_eq!(core.registry_max_agent_age, Duration::from_hours(14 * 24));
        assert!((core.recovery_agent_removal_limit - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn limits_of_removals_are_read() {
        let core = check(&["--agent_removal_rate_limit=2/3hrs", "--recovery_agent_removal_limit=12.5%"])
            .unwrap()
            .core;
        let rate = RemovalRate { agents: 2, per: Duration::from_hours(3) };
        assert_eq!(core.agent_removal_rate_limit, Some(rate));
        assert!((core.recovery_agent_removal_limit - 0.125).abs() < f64::EPSILON);
    }

    #[test]
    fn the_allocator_is_told_what_the_flags_say() {
        let config = check(&[
            "--role_sorter=random",
            "--framework_sorter=random",
            "--weights=a=2,b/c=0.5",
            "--fair_sharing_excluded_resource_names=gpus, x",
            "--whitelist=file:///tmp/hosts",
            "--require_agent_domain",
            r#"--domain={"fault_domain":{"region":{"name":"r"},"zone":{"name":"z"}}}"#,
        ])
        .unwrap();
        let allocator = &config.core.allocator;
        assert_eq!(allocator.sorter, Sorter::Random);
        assert_eq!(allocator.weights, [("a".to_owned(), 2.0), ("b/c".to_owned(), 0.5)]);
        assert_eq!(allocator.fair_sharing_excluded_resource_names, ["gpus", "x"]);
        assert_eq!(allocator.whitelist, Some(BTreeSet::new()));
        assert!(allocator.require_agent_domain);
        assert_eq!(config.whitelist, Some(PathBuf::from("/tmp/hosts")));
        assert_eq!(config.core.domain.unwrap().fault_domain.unwrap().region.name, "r");
        assert_eq!(check(&["--whitelist=*"]).unwrap().core.allocator.whitelist, None);
    }

    #[test]
    fn values_outside_their_bounds_are_refused() {
        assert!(check(&["--agent_ping_timeout=0secs"]).unwrap_err().contains("expected 1secs to 15mins"));
        assert!(
            check(&["--agent_reregister_timeout=1secs"]).unwrap_err().contains("expected 10mins or more")
        );
        assert!(check(&["--max_agent_ping_timeouts=0"]).unwrap_err().contains("expected 1 or more"));
        assert!(check(&["--agent_removal_rate_limit=1/0secs"]).unwrap_err().contains("1/10mins"));
        assert!(check(&["--recovery_agent_removal_limit=101%"]).unwrap_err().contains("0% to 100%"));
        assert!(check(&["--allocation_interval=0secs"]).unwrap_err().contains("more than 0"));
        assert!(check(&["--role_sorter=random"]).unwrap_err().contains("the same as `role_sorter`"));
        assert!(
            check(&["--role_sorter=x", "--framework_sorter=x"]).unwrap_err().contains("`drf` or `random`")
        );
        assert!(check(&["--weights=a=0"]).unwrap_err().contains("a weight above 0"));
        assert!(check(&["--weights=a/=1"]).unwrap_err().contains("`a/` is not a valid role"));
        assert!(check(&["--domain={"]).unwrap_err().contains("flag `domain`"));
        assert!(check(&["--roles=a,b c"]).unwrap_err().contains("`b c` is not a valid role"));
        assert!(
            check(&["--min_allocatable_resources=cpus"]).unwrap_err().contains("min_allocatable_resources")
        );
        let limits = check(&[r#"--rate_limits={"limits":[{"principal":"p","qps":-1}]}"#]).unwrap_err();
        assert_eq!(limits, "flag `rate_limits`: `qps` of principal `p` must be a positive number, got `-1`");
        assert!(check(&["--rate_limits={"]).unwrap_err().starts_with("flag `rate_limits`: "));
    }
}
