//! The master's flags: every one of Mesos 1.11's, and what is done about it.

use tepui_flags::{Flag, FlagSet, LOGGING};

/// What `tepui master` takes.
pub const FLAGS: FlagSet = FlagSet {
    command: "tepui master",
    about: "Runs a master: it keeps the agents, offers their resources to frameworks and launches tasks.",
    tables: &[NETWORK, FRAMEWORKS, AGENTS, ALLOCATION, REGISTRY, SECURITY, EXTENSIONS, LOGGING],
};

const NETWORK: &[Flag] = &[
    Flag::text("ip", "IP address to listen on; all addresses if not given."),
    Flag::integer("port", "Port to listen on.").or("5050"),
    Flag::text("advertise_ip", "IP address that agents and frameworks reach this master at, if not `ip`."),
    Flag::text("advertise_port", "Port that agents and frameworks reach this master at, if not `port`."),
    Flag::text("ip_discovery_command", "Command that prints the IP address to listen on."),
    Flag::text("hostname", "Host name that this master shows; looked up if not given."),
    Flag::bool(
        "hostname_lookup",
        true,
        "Whether the host name is looked up; if not, the IP address is shown.",
    ),
    Flag::text("cluster", "Name of the cluster, as the web UI shows it."),
    Flag::text(
        "zk",
        "ZooKeeper servers and path for electing the leader: `zk://[user:password@]host:port,host:port/path`, or \
         `file://` with a file that holds that. Without this and `etcd`, this master leads.",
    ),
    Flag::duration("zk_session_timeout", "Time that a silent leader keeps its place in ZooKeeper.")
        .or("10secs"),
    Flag::text(
        "etcd",
        "As `zk`, for etcd: `etcd://[user:password@]host:port,host:port/prefix`, with `?ca=FILE&cert=FILE&key=FILE` \
         for TLS.",
    ),
    Flag::duration("etcd_session_timeout", "Time that a silent leader keeps its place in etcd.").or("10secs"),
    Flag::text("domain", "Fault domain of this master, as JSON."),
    Flag::text("webui_dir", "Folder of the web UI's files.")
        .ignored("this binary reads no files for its pages"),
];

const FRAMEWORKS: &[Flag] = &[
    Flag::bool("root_submissions", true, "Whether frameworks may run tasks as root."),
    Flag::text("roles", "Comma-separated roles that frameworks may have; any if not given."),
    Flag::text("weights", "Comma-separated `role=weight`, for a registry that holds no weights."),
    Flag::text(
        "rate_limits",
        "How often frameworks may call, as JSON of `RateLimits`: `limits` of `principal`, `qps` (calls a second) and \
         `capacity` (calls that may wait), `aggregate_default_qps` and `aggregate_default_capacity` for all others \
         together. A call over the rate waits, one over the capacity gets 503, and a driver an error.",
    ),
    Flag::integer("max_completed_frameworks", "Completed frameworks to remember.").or("50"),
    Flag::integer("max_completed_tasks_per_framework", "Completed tasks to remember of each framework.")
        .or("1000"),
    Flag::integer("max_unreachable_tasks_per_framework", "Unreachable tasks to remember of each framework.")
        .or("1000"),
    Flag::integer(
        "max_operator_event_stream_subscribers",
        "Operators that may follow the event stream at once; when one more comes, the oldest stream ends.",
    )
    .or("1000"),
    Flag::bool(
        "remove_unreturned_frameworks",
        false,
        "Whether frameworks that agents brought, and that did not subscribe again themselves, are removed after their \
         failover timeout, but not before `agent_reregister_timeout`, from the end of recovery. Mesos keeps them.",
    ),
    Flag::bool("publish_per_framework_metrics", true, "Whether metrics of each framework are shown."),
];

const AGENTS: &[Flag] = &[
    Flag::duration("agent_ping_timeout", "Time between pings of an agent, and that it has to answer one.")
        .or("15secs")
        .aliases(&["slave_ping_timeout"]),
    Flag::integer("max_agent_ping_timeouts", "Unanswered pings after which an agent is unreachable.")
        .or("5")
        .aliases(&["max_slave_ping_timeouts"]),
    Flag::duration("agent_reregister_timeout", "Time that a disconnected agent has to re-register.")
        .or("10mins")
        .aliases(&["slave_reregister_timeout"]),
    Flag::text("recovery_agent_removal_limit", "Share of agents that may be removed after a failover.")
        .or("100%")
        .aliases(&["recovery_slave_removal_limit"]),
    Flag::text(
        "agent_removal_rate_limit",
        "How many agents may be marked unreachable in a time, such as `1/10mins`.",
    )
    .aliases(&["slave_removal_rate_limit"]),
    Flag::integer("max_executors_per_agent", "Executors that one agent may run.")
        .aliases(&["max_executors_per_slave"])
        .refused("more executors would be launched on an agent"),
    Flag::bool("require_agent_domain", false, "Whether agents without a fault domain are turned away."),
];

const ALLOCATION: &[Flag] = &[
    Flag::duration(
        "allocation_interval",
        "Period of the full allocation, and least time before declined resources return to their decliner.",
    )
    .or("1secs"),
    Flag::duration("offer_timeout", "Time after which an unused offer is rescinded; never if not given."),
    Flag::bool(
        "filter_gpu_resources",
        true,
        "Whether agents with GPUs are kept for frameworks that want GPUs.",
    ),
    Flag::text(
        "min_allocatable_resources",
        "Least resources of an offer: sets separated by `|`, items by `;`.",
    )
    .or("cpus:0.01|mem:32"),
    Flag::text("allocator", "The allocator.")
        .or("hierarchical")
        .refused_unless("allocator modules cannot be loaded", &["hierarchical", "HierarchicalDRF"]),
    Flag::text("role_sorter", "How roles are ordered: `drf` or `random`.")
        .or("drf")
        .aliases(&["user_sorter"]),
    Flag::text("framework_sorter", "How frameworks of a role are ordered; the same as `role_sorter`.")
        .or("drf"),
    Flag::text(
        "fair_sharing_excluded_resource_names",
        "Comma-separated resources that do not count to a share.",
    ),
    Flag::number(
        "allocator_agent_recovery_factor",
        "Share of agents to wait for after a failover, if there is quota.",
    )
    .or("0.8")
    .ignored("there is no quota to wait for"),
    Flag::duration(
        "allocator_recovery_timeout",
        "Longest wait for agents after a failover, if there is quota.",
    )
    .or("10mins")
    .ignored("there is no quota to wait for"),
    Flag::bytes(
        "offer_constraints_re2_max_mem",
        "Memory that one regular expression of offer constraints may take.",
    )
    .or("4KB"),
    Flag::integer(
        "offer_constraints_re2_max_program_size",
        "Size of one regular expression of offer constraints.",
    )
    .or("100"),
    Flag::path(
        "whitelist",
        "File of the host names whose agents are offered, one a line; read every five seconds.",
    ),
];

const REGISTRY: &[Flag] = &[
    Flag::text(
        "registry",
        "Where the registry is kept: `embedded` (a file in `work_dir`), `zookeeper` (that of `zk`), `etcd` (that of \
         `etcd`), `zk://...`, `etcd://...`, or `in_memory`. If not given, it is where the leader is elected; without an \
         election it is in `work_dir`, and without that in memory. `replicated_log` means the same as not giving it.",
    ),
    Flag::path("work_dir", "Folder for the embedded registry."),
    Flag::integer("quorum", "Size of the replicated log's quorum.")
        .ignored("there is no replicated log; ZooKeeper and etcd have quorums of their own"),
    Flag::bool("log_auto_initialize", true, "Whether the replicated log is initialized.")
        .ignored("there is no replicated log; the registry makes itself where it is missing"),
    Flag::bool("registry_strict", false, "Whether agents that the registry does not know are turned away.")
        .refused_unless("unknown agents would be admitted", &["false"]),
    Flag::duration("registry_fetch_timeout", "Longest read of the registry, before it is tried again or by another master.")
        .or("1mins"),
    Flag::duration(
        "registry_store_timeout",
        "Longest write of the registry, before another master is elected if that may have a better way to the store.",
    )
    .or("20secs"),
    Flag::duration("registry_gc_interval", "Period in which old agents are forgotten.").or("15mins"),
    Flag::duration("registry_max_agent_age", "Time after which an unreachable or gone agent is forgotten.")
        .or("2weeks"),
    Flag::integer("registry_max_agent_count", "Unreachable or gone agents to remember.").or("102400"),
];

const SECURITY: &[Flag] = &[
    Flag::bool("authenticate_frameworks", false, "Whether frameworks must authenticate.")
        .aliases(&["authenticate"])
        .refused_unless("frameworks would be let in unauthenticated", &["false"]),
    Flag::bool("authenticate_agents", false, "Whether agents must authenticate.")
        .aliases(&["authenticate_slaves"])
        .refused_unless("agents would be let in unauthenticated", &["false"]),
    Flag::bool(
        "authenticate_http_readwrite",
        false,
        "Whether endpoints that change state ask for credentials.",
    )
    .aliases(&["authenticate_http"])
    .refused_unless("everyone could change state", &["false"]),
    Flag::bool("authenticate_http_readonly", false, "Whether endpoints that show state ask for credentials.")
        .refused_unless("everyone could read state", &["false"]),
    Flag::bool("authenticate_http_frameworks", false, "Whether HTTP frameworks must authenticate.")
        .refused_unless("frameworks would be let in unauthenticated", &["false"]),
    Flag::duration("authentication_v0_timeout", "Longest authentication of a driver or agent.")
        .or("15secs")
        .ignored("nobody is asked to authenticate"),
    Flag::path("credentials", "File of principals and secrets, as JSON.")
        .ignored("nobody is asked to authenticate"),
    Flag::text("acls", "Access control lists, as JSON.").refused("nothing would be enforced"),
    Flag::text("firewall_rules", "Endpoints that are not served, as JSON.")
        .refused("the endpoints would be served all the same"),
    Flag::text("authenticators", "How frameworks and agents authenticate.")
        .or("crammd5")
        .refused("authenticator modules cannot be loaded"),
    Flag::text("authorizers", "Who decides what a principal may do.")
        .or("local")
        .refused("authorizer modules cannot be loaded"),
    Flag::text("http_authenticators", "How HTTP requests authenticate.")
        .or("basic")
        .refused("authenticator modules cannot be loaded"),
    Flag::text("http_framework_authenticators", "How HTTP frameworks authenticate.")
        .refused_unless("authenticator modules cannot be loaded", &["basic"]),
];

const EXTENSIONS: &[Flag] = &[
    Flag::text("modules", "C++ modules to load, as JSON.").refused("C++ modules cannot be loaded"),
    Flag::text("modules_dir", "Folder of C++ modules to load.").refused("C++ modules cannot be loaded"),
    Flag::text("hooks", "Comma-separated hook modules.").refused("C++ modules cannot be loaded"),
    Flag::text("master_contender", "Module that contends for leadership.")
        .refused("C++ modules cannot be loaded"),
    Flag::text("master_detector", "Module that detects the leader.").refused("C++ modules cannot be loaded"),
    Flag::bool("memory_profiling", false, "Whether memory can be profiled.")
        .ignored("there is no profiler inside"),
];
