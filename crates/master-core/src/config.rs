//! What a master is told at its start.

use std::collections::BTreeSet;
use std::time::Duration;

use tepui_allocator::{PatternLimits, Sorter};
use tepui_proto::v1;
use tepui_types::{ResourceName, ResourceQuantities, Scalar, Upid, WallTime};

use crate::agent::RemovalRate;

/// The checked settings of a master. Fields are named after Mesos' flags.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our address on the link: `master@ip:port`.
    pub pid: Upid,
    /// The host name that we advertise.
    pub hostname: String,
    /// The fault domain, if one was given.
    pub domain: Option<v1::DomainInfo>,
    /// When the process started.
    pub started: WallTime,
    /// Between pings of an agent.
    pub agent_ping_timeout: Duration,
    /// Pings that may go unanswered before an agent is unreachable.
    pub max_agent_ping_timeouts: u32,
    /// How long a disconnected or recovered agent has to re-register.
    pub agent_reregister_timeout: Duration,
    /// How fast agents may be marked unreachable.
    pub agent_removal_rate_limit: Option<RemovalRate>,
    /// Which share of the registry's agents may be marked unreachable because they did not come back, from 0 to 1.
    pub recovery_agent_removal_limit: f64,
    /// How often agents are forgotten that were lost long ago.
    pub registry_gc_interval: Duration,
    /// For how long lost agents are remembered.
    pub registry_max_agent_age: Duration,
    /// How many lost agents are remembered, of the unreachable and of the gone ones each.
    pub registry_max_agent_count: usize,
    /// Whether frameworks are removed that did not come back to a new leader in time. Mesos keeps them.
    pub remove_unreturned_frameworks: bool,
    /// The period of the full allocation sweep, and the least time before a declined resource returns to its decliner.
    pub allocation_interval: Duration,
    /// After how long an unused offer is rescinded, if ever.
    pub offer_timeout: Option<Duration>,
    /// Whether frameworks may run as root.
    pub root_submissions: bool,
    /// The roles that frameworks may have, if limited.
    pub roles: Option<Vec<String>>,
    /// How often frameworks may call, by principal.
    pub rate_limits: crate::RateLimits,
    /// Completed frameworks to remember.
    pub max_completed_frameworks: usize,
    /// Completed tasks to remember of each framework.
    pub max_completed_tasks_per_framework: usize,
    /// Unreachable tasks to remember of each framework.
    pub max_unreachable_tasks_per_framework: usize,
    /// Whether agents with GPUs are kept for frameworks that want GPUs.
    pub filter_gpu_resources: bool,
    /// What an offer must hold at the least: any of these sets.
    pub min_allocatable_resources: Vec<ResourceQuantities>,
    /// The finer settings of the allocator.
    pub allocator: AllocatorConfig,
}

impl Config {
    /// What a master does that is given no flags: Mesos' defaults, for the master at `pid`.
    pub fn new(pid: Upid) -> Self {
        let amount =
            |name, units| [(ResourceName::from(name), Scalar::from_f64(units))].into_iter().collect();
        Self {
            hostname: pid.address.ip().to_string(),
            pid,
            domain: None,
            started: WallTime::from_nanos(0),
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_mins(10),
            agent_removal_rate_limit: None,
            recovery_agent_removal_limit: 1.0,
            registry_gc_interval: Duration::from_mins(15),
            registry_max_agent_age: Duration::from_hours(14 * 24),
            registry_max_agent_count: 102_400,
            remove_unreturned_frameworks: false,
            allocation_interval: Duration::from_secs(1),
            offer_timeout: None,
            root_submissions: true,
            roles: None,
            rate_limits: crate::RateLimits::default(),
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            filter_gpu_resources: true,
            min_allocatable_resources: vec![amount("cpus", 0.01), amount("mem", 32.0)],
            allocator: AllocatorConfig::default(),
        }
    }
}

/// Settings of the allocator that few operators change.
#[derive(Clone, Debug, Default)]
pub struct AllocatorConfig {
    /// How large a regular expression of offer constraints may be.
    pub offer_constraints_re2: PatternLimits,
    /// Who is offered first.
    pub sorter: Sorter,
    /// Weights of roles, for a registry that holds none.
    pub weights: Vec<(String, f64)>,
    /// Names of resources that do not count to a share.
    pub fair_sharing_excluded_resource_names: Vec<String>,
    /// The host names whose agents are offered, until [`crate::Input::Whitelist`] says others; all, if not given.
    pub whitelist: Option<BTreeSet<String>>,
    /// Whether agents that do not say where they stand are turned away.
    pub require_agent_domain: bool,
}
