//! What a master is told at its start.

use std::collections::BTreeSet;
use std::time::Duration;

use tepui_allocator::{PatternLimits, Sorter};
use tepui_proto::v1;
use tepui_types::{Upid, WallTime};

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
    pub min_allocatable_resources: Vec<tepui_types::ResourceQuantities>,
    /// The finer settings of the allocator.
    pub allocator: AllocatorConfig,
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
