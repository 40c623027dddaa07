//! What an agent is told at its start.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_proto::v1;
use tepui_types::Upid;

/// What becomes of the executors of an earlier process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// They go on.
    Reconnect,
    /// They are ended, and then the agent ends.
    Cleanup,
}

/// Which changes of its own description an agent may come back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconfigurationPolicy {
    /// None.
    Equal,
    /// More resources and attributes.
    Additive,
}

/// The checked settings of an agent. Fields are named after Mesos' flags.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our address on the link: `slave(1)@ip:port`.
    pub pid: Upid,
    /// The host name that we advertise.
    pub hostname: String,
    /// All resources, in the format with `reservations`.
    pub resources: Vec<v1::Resource>,
    /// What else frameworks may choose us by.
    pub attributes: Vec<v1::Attribute>,
    /// The fault domain, if one was given.
    pub domain: Option<v1::DomainInfo>,
    /// What we tell masters that we can do. A master sends only what is claimed here: see `Config::CAPABILITIES`.
    pub capabilities: Vec<v1::agent_info::capability::Type>,
    /// The folder of sandboxes, an absolute path.
    pub work_dir: String,
    /// Whether executors run as the user of their framework.
    pub switch_user: bool,
    /// How the command executor is started: its program and the arguments, the first of which is its name.
    pub command_executor: v1::CommandInfo,
    /// How the default executor is started, likewise.
    pub default_executor: v1::CommandInfo,
    /// `MESOS_HTTP_COMMAND_EXECUTOR`.
    pub http_command_executor: bool,
    /// Variables that all executors get.
    pub executor_environment_variables: BTreeMap<String, String>,
    /// `LIBPROCESS_IP` of our own environment, which executors get too.
    pub libprocess_ip: Option<String>,
    /// Before the first attempt to register, a random part of this passes; it doubles with each attempt.
    pub registration_backoff_factor: Duration,
    /// How long an executor has to subscribe.
    pub executor_registration_timeout: Duration,
    /// How long an executor has to stop by itself, if it does not say.
    pub executor_shutdown_grace_period: Duration,
    /// How long a surviving executor may wait for a restarted agent.
    pub executor_reregistration_timeout: Duration,
    /// How often old drivers are asked back; once if none.
    pub executor_reregistration_retry_interval: Option<Duration>,
    /// What becomes of the executors of an earlier process.
    pub recover: Recover,
    /// Which changes of our description we may come back with.
    pub reconfiguration_policy: ReconfigurationPolicy,
    /// How long a surviving executor waits for a restarted agent before it ends itself.
    pub recovery_timeout: Duration,
    /// Completed executors to remember of each framework.
    pub max_completed_executors_per_framework: usize,
}

impl Config {
    /// The capabilities of this agent as it is built.
    ///
    /// `TASK_RESOURCE_LIMITS` is not among them: a master then sends nothing that we would have to ignore.
    /// `RESOURCE_PROVIDER` says that we carry out operations, on our own resources.
    pub const CAPABILITIES: [v1::agent_info::capability::Type; 7] = [
        v1::agent_info::capability::Type::MultiRole,
        v1::agent_info::capability::Type::HierarchicalRole,
        v1::agent_info::capability::Type::ReservationRefinement,
        v1::agent_info::capability::Type::ResourceProvider,
        v1::agent_info::capability::Type::ResizeVolume,
        v1::agent_info::capability::Type::AgentOperationFeedback,
        v1::agent_info::capability::Type::AgentDraining,
    ];

    /// Settings with Mesos' defaults and nothing to offer.
    pub fn new(pid: Upid, hostname: impl Into<String>, work_dir: impl Into<String>) -> Self {
        Self {
            pid,
            hostname: hostname.into(),
            resources: Vec::new(),
            attributes: Vec::new(),
            domain: None,
            capabilities: Self::CAPABILITIES.to_vec(),
            work_dir: work_dir.into(),
            switch_user: true,
            command_executor: v1::CommandInfo::default(),
            default_executor: v1::CommandInfo::default(),
            http_command_executor: false,
            executor_environment_variables: BTreeMap::new(),
            libprocess_ip: None,
            registration_backoff_factor: Duration::from_secs(1),
            executor_registration_timeout: Duration::from_mins(1),
            executor_shutdown_grace_period: Duration::from_secs(5),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_reregistration_retry_interval: None,
            recover: Recover::Reconnect,
            reconfiguration_policy: ReconfigurationPolicy::Equal,
            recovery_timeout: Duration::from_mins(15),
            max_completed_executors_per_framework: 150,
        }
    }
}
