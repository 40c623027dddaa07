//! The agent's flags: every one of Mesos 1.11's, and what is done about it.

use tepui_flags::{Flag, FlagSet, LOGGING};

/// What `tepui agent` takes.
pub const FLAGS: FlagSet = FlagSet {
    command: "tepui agent",
    about: "Runs an agent: it offers this machine's resources to a master and runs tasks.",
    tables: &[
        NETWORK,
        RESOURCES,
        FOLDERS,
        EXECUTORS,
        RECOVERY,
        ISOLATION,
        CGROUPS,
        NETWORK_ISOLATION,
        IMAGES,
        DOCKER,
        SECURITY,
        EXTENSIONS,
        LOGGING,
    ],
};

const NETWORK: &[Flag] = &[
    Flag::text(
        "master",
        "Where the leading master is found: `host:port`, several of them, `zk://[user:password@]host:port/path`, \
         `etcd://[user:password@]host:port/prefix`, or `file://` with a file that holds one of these.",
    ),
    Flag::text("ip", "IP address to listen on; all addresses if not given."),
    Flag::text("ip6", "IPv6 address that tasks are told.").ignored("tasks are told the IPv4 address"),
    Flag::integer("port", "Port to listen on.").or("5051"),
    Flag::text("advertise_ip", "IP address that the master reaches this agent at, if not `ip`."),
    Flag::text("advertise_port", "Port that the master reaches this agent at, if not `port`."),
    Flag::text("ip_discovery_command", "Command that prints the IP address to listen on."),
    Flag::text("ip6_discovery_command", "Command that prints the IPv6 address that tasks are told.")
        .ignored("tasks are told the IPv4 address"),
    Flag::text("hostname", "Host name that this agent shows; looked up if not given."),
    Flag::bool(
        "hostname_lookup",
        true,
        "Whether the host name is looked up; if not, the IP address is shown.",
    ),
    Flag::duration(
        "zk_session_timeout",
        "Silence of ZooKeeper or etcd after which no leading master is known any more.",
    )
    .or("10secs"),
    Flag::duration(
        "registration_backoff_factor",
        "Longest wait before the first registration; doubles with each try.",
    )
    .or("1secs"),
    Flag::text("domain", "Fault domain of this agent, as JSON.")
        .refused("this agent would be offered as if it were in the master's region"),
    Flag::duration("http_heartbeat_interval", "Period of heartbeats on attached streams.").or("30secs"),
];

const RESOURCES: &[Flag] = &[
    Flag::text(
        "resources",
        "What to offer, such as `cpus:4;mem:1024;ports:[31000-32000]` or JSON; detected if absent.",
    ),
    Flag::text("default_role", "Role of resources that name none.").or("*"),
    Flag::text("attributes", "What this machine is like: `rack:a;zone:b`."),
    Flag::text("resource_provider_config_dir", "Folder of resource providers.")
        .refused("their resources would be missing"),
    Flag::text("csi_plugin_config_dir", "Folder of CSI plugins.").refused("their volumes would be missing"),
    Flag::text("disk_profile_adaptor", "Module that translates disk profiles.")
        .refused("C++ modules cannot be loaded"),
    Flag::text("resource_estimator", "Module that finds resources to oversubscribe.")
        .refused("C++ modules cannot be loaded"),
    Flag::text("qos_controller", "Module that corrects oversubscription.")
        .refused("C++ modules cannot be loaded"),
    Flag::duration("qos_correction_interval_min", "Least time between corrections.")
        .or("0ns")
        .ignored("nothing is oversubscribed"),
    Flag::duration("oversubscribed_resources_interval", "Period of estimates.")
        .or("15secs")
        .ignored("nothing is oversubscribed"),
    Flag::text("agent_features", "What this agent claims to be able to do, as JSON.")
        .ignored("the agent claims what it can do"),
];

const FOLDERS: &[Flag] = &[
    Flag::path("work_dir", "Folder for sandboxes and what must survive; required."),
    Flag::path(
        "runtime_dir",
        "Folder for what must not survive a reboot; one below `/var/run/mesos`, named after `work_dir`, if not given.",
    ),
    Flag::path("launcher_dir", "Folder of Mesos' helper programs.")
        .ignored("all of them are inside this binary"),
    Flag::path("sandbox_directory", "Where a sandbox appears inside a container that has an image.")
        .or("/mnt/mesos/sandbox")
        .ignored("no container has an image yet"),
    Flag::path("frameworks_home", "Folder that relative URIs start from.").or(""),
    Flag::path("fetcher_cache_dir", "Folder of fetched files; each agent needs its own.")
        .or("/tmp/mesos/fetch"),
    Flag::bytes("fetcher_cache_size", "Size of that folder.").or("2GB"),
    Flag::duration("fetcher_stall_timeout", "Longest stall of a download.").or("1mins"),
    Flag::path("hadoop_home", "Folder of Hadoop, for hdfs URIs.").ignored("hdfs URIs are refused"),
    Flag::duration("gc_delay", "Longest life of an ended executor's sandbox.").or("1weeks"),
    Flag::number("gc_disk_headroom", "Share of the disk to keep free by removing sandboxes earlier.")
        .or("0.1"),
    Flag::bool(
        "gc_non_executor_container_sandboxes",
        false,
        "Whether sandboxes of nested containers are removed too.",
    )
    .ignored("they go with the sandbox of their executor"),
    Flag::duration("disk_watch_interval", "Period of looking at the disk.").or("1mins"),
    Flag::text("volume_gid_range", "Groups for shared volumes.")
        .refused("volumes would have the wrong group"),
];

const EXECUTORS: &[Flag] = &[
    Flag::bool("switch_user", true, "Whether tasks run as the user that they or their framework name."),
    Flag::text(
        "executor_environment_variables",
        "Environment of executors, as JSON, in place of the agent's own.",
    ),
    Flag::duration("executor_registration_timeout", "Time that a new executor has to subscribe.").or("1mins"),
    Flag::duration("executor_shutdown_grace_period", "Time that an executor has to end by itself.")
        .or("5secs"),
    Flag::duration(
        "executor_reregistration_timeout",
        "Time that an executor has to come back after a restart.",
    )
    .or("2secs"),
    Flag::duration(
        "executor_reregistration_retry_interval",
        "Period of asking old drivers back after a restart; once if not given.",
    ),
    Flag::bool("http_command_executor", false, "Whether the command executor speaks HTTP.")
        .ignored("the command executor always speaks HTTP"),
    Flag::bool("http_executor_domain_sockets", false, "Whether executors connect by a domain socket.")
        .refused_unless("executors would connect over the network", &["false"]),
    Flag::text("domain_socket_location", "Path of that socket.").ignored("executors connect over TCP"),
    Flag::integer(
        "max_completed_executors_per_framework",
        "Completed executors to remember of each framework.",
    )
    .or("150"),
];

const RECOVERY: &[Flag] = &[
    Flag::text("recover", "What to do with old executors: `reconnect` or `cleanup`.").or("reconnect"),
    Flag::duration("recovery_timeout", "Time that an executor waits for the agent to come back.")
        .or("15mins"),
    Flag::bool("strict", true, "Whether a corrupt checkpoint stops the agent."),
    Flag::text("reconfiguration_policy", "Which changes an agent may come back with: `equal` or `additive`.")
        .or("equal"),
    Flag::bool(
        "systemd_enable_support",
        true,
        "Whether executors live in `mesos_executors.slice`, where systemd runs the machine: the agent's unit can then be \
         restarted without them.",
    ),
    Flag::path("systemd_runtime_directory", "Folder of systemd's transient units.").or("/run/systemd/system"),
];

const ISOLATION: &[Flag] = &[
    Flag::text("isolation", "Comma-separated isolators.").or("posix/cpu,posix/mem"),
    Flag::text(
        "launcher",
        "How containers are launched: `linux` or `posix`; `linux` if not given, for root, where there are cgroups.",
    ),
    Flag::text("containerizers", "Comma-separated containerizers.")
        .or("mesos")
        .refused("Docker containers cannot be launched yet"),
    Flag::text("effective_capabilities", "Capabilities that tasks have, as JSON; for `linux/capabilities`.")
        .aliases(&["allowed_capabilities"]),
    Flag::text(
        "bounding_capabilities",
        "Capabilities that tasks can gain, as JSON; for `linux/capabilities`.",
    ),
    Flag::bool(
        "disallow_sharing_agent_ipc_namespace",
        false,
        "Whether containers must have an IPC namespace; for `namespaces/ipc`.",
    ),
    Flag::bool(
        "disallow_sharing_agent_pid_namespace",
        false,
        "Whether containers must have a process namespace; for `namespaces/pid`.",
    ),
    Flag::bytes("default_container_shm_size", "Size of a private /dev/shm; for `namespaces/ipc`."),
    Flag::path("seccomp_config_dir", "Folder of seccomp profiles, as Docker has them; for `linux/seccomp`."),
    Flag::text(
        "seccomp_profile_name",
        "Profile of containers that name none, a file of that folder; for `linux/seccomp`.",
    ),
    Flag::text(
        "host_path_volume_force_creation",
        "Folders below which missing host paths of volumes are made, with colons between.",
    ),
    Flag::text("nvidia_gpu_devices", "GPUs to offer, by number.").refused("GPUs would not be isolated"),
    Flag::text("allowed_devices", "Devices that containers may use, as JSON.")
        .refused("every device could be used"),
    Flag::duration("container_disk_watch_interval", "Period of measuring sandboxes; for `disk/du`.")
        .or("15secs"),
    Flag::bool(
        "enforce_container_disk_quota",
        false,
        "Whether a task that exceeds its disk is killed; for `disk/du`.",
    ),
    Flag::text("xfs_project_range", "XFS projects to use.")
        .or("[5000-10000]")
        .ignored("XFS quotas are not in use"),
    Flag::bool("xfs_kill_containers", false, "Whether a task that exceeds its XFS quota is killed.")
        .refused_unless("tasks would not be held to their disk", &["false"]),
    Flag::bytes("xfs_quota_headroom", "What a task may exceed its quota by before it is killed.")
        .or("10MB")
        .ignored("XFS quotas are not in use"),
    Flag::bool(
        "revocable_cpu_low_priority",
        true,
        "Whether revocable cpus have low priority; for `cgroups/cpu`.",
    ),
];

const CGROUPS: &[Flag] = &[
    Flag::duration("cgroups_destroy_timeout", "Longest destruction of a cgroup.")
        .or("1mins")
        .ignored("killed processes have ten seconds to end"),
    Flag::path("cgroups_hierarchy", "Where cgroups are mounted, of either version.").or("/sys/fs/cgroup"),
    Flag::text("cgroups_root", "Name of our cgroup.").or("mesos"),
    Flag::bool("cgroups_enable_cfs", false, "Whether cpus are a hard limit; for `cgroups/cpu`."),
    Flag::bool("cgroups_limit_swap", false, "Whether memory with swap is limited; for `cgroups/mem`."),
    Flag::bool("cgroups_cpu_enable_pids_and_tids_count", false, "Whether processes and threads are counted.")
        .ignored("`cgroups/pids` counts them"),
    Flag::text("cgroups_net_cls_primary_handle", "Primary handle of net_cls.")
        .refused("traffic would not be marked"),
    Flag::text("cgroups_net_cls_secondary_handles", "Secondary handles of net_cls.")
        .refused("traffic would not be marked"),
    Flag::text("agent_subsystems", "Cgroup subsystems that the agent itself enters.")
        .aliases(&["slave_subsystems"])
        .ignored("the agent enters no cgroups"),
    Flag::text("perf_events", "Events to count.").ignored("nothing is sampled"),
    Flag::duration("perf_interval", "Period of samples.").or("1mins").ignored("nothing is sampled"),
    Flag::duration("perf_duration", "Length of a sample.").or("10secs").ignored("nothing is sampled"),
];

const NETWORK_ISOLATION: &[Flag] = &[
    Flag::path("network_cni_plugins_dir", "Folder of CNI plugins.")
        .refused("containers would be on the machine's network"),
    Flag::path("network_cni_config_dir", "Folder of CNI networks.")
        .refused("containers would be on the machine's network"),
    Flag::bool("network_cni_root_dir_persist", false, "Whether CNI state survives a reboot.")
        .ignored("CNI is not in use"),
    Flag::bool("network_cni_metrics", true, "Whether CNI metrics are shown.").ignored("CNI is not in use"),
    Flag::duration("container_ports_watch_interval", "Period of looking at ports; for `network/ports`.")
        .or("30secs"),
    Flag::bool(
        "check_agent_port_range_only",
        false,
        "Whether only the ports of this agent's resources are watched; for `network/ports`.",
    ),
    Flag::bool(
        "enforce_container_ports",
        false,
        "Whether a container that listens on a port it was not given is killed; for `network/ports`.",
    ),
    Flag::text(
        "container_ports_isolated_range",
        "Ports that are watched, such as `[1-1023]`; for `network/ports`.",
    ),
    Flag::integer("ephemeral_ports_per_container", "Ephemeral ports of a container.")
        .or("1024")
        .ignored(PORT_MAPPING),
    Flag::text("eth0_name", "The public network interface.").ignored(PORT_MAPPING),
    Flag::text("lo_name", "The loopback interface.").ignored(PORT_MAPPING),
    Flag::bytes("egress_rate_limit_per_container", "Bytes per second out.").refused(PORT_MAPPING_LIMIT),
    Flag::bytes("egress_rate_per_cpu", "Bytes per second and cpu out.").refused(PORT_MAPPING_LIMIT),
    Flag::bytes("minimum_egress_rate_limit", "Least limit out.").ignored(PORT_MAPPING),
    Flag::bytes("maximum_egress_rate_limit", "Greatest limit out.").ignored(PORT_MAPPING),
    Flag::bytes("egress_ceil_limit", "Ceiling out.").refused(PORT_MAPPING_LIMIT),
    Flag::bytes("egress_burst", "Burst out.").ignored(PORT_MAPPING),
    Flag::bool("egress_unique_flow_per_container", false, "Whether each container has its flow.")
        .ignored(PORT_MAPPING),
    Flag::text("egress_flow_classifier_parent", "Where flows attach.").or("root").ignored(PORT_MAPPING),
    Flag::bytes("ingress_rate_limit_per_container", "Bytes per second in.").refused(PORT_MAPPING_LIMIT),
    Flag::bytes("ingress_rate_per_cpu", "Bytes per second and cpu in.").refused(PORT_MAPPING_LIMIT),
    Flag::bytes("minimum_ingress_rate_limit", "Least limit in.").ignored(PORT_MAPPING),
    Flag::bytes("maximum_ingress_rate_limit", "Greatest limit in.").ignored(PORT_MAPPING),
    Flag::bytes("ingress_ceil_limit", "Ceiling in.").refused(PORT_MAPPING_LIMIT),
    Flag::bytes("ingress_burst", "Burst in.").ignored(PORT_MAPPING),
    Flag::bool("ingress_isolate_existing_containers", true, "Whether running containers are limited too.")
        .ignored(PORT_MAPPING),
    Flag::text("network_link_speed", "Speed of the link.").ignored(PORT_MAPPING),
    Flag::bool("network_enable_socket_statistics_summary", false, "Whether sockets are summed up.")
        .ignored(PORT_MAPPING),
    Flag::bool("network_enable_socket_statistics_details", false, "Whether sockets are listed.")
        .ignored(PORT_MAPPING),
    Flag::bool("network_enable_snmp_statistics", false, "Whether SNMP counters are shown.")
        .ignored(PORT_MAPPING),
    Flag::bool("network_enable_rate_statistics", false, "Whether rates are shown.").ignored(PORT_MAPPING),
    Flag::duration("network_rate_statistics_window", "Window of rates.").ignored(PORT_MAPPING),
    Flag::duration("network_rate_statistics_interval", "Period of rates.").ignored(PORT_MAPPING),
];

const PORT_MAPPING: &str = "the network/port_mapping isolator is not in use";
const PORT_MAPPING_LIMIT: &str = "traffic would not be limited";

const IMAGES: &[Flag] = &[
    Flag::text("image_providers", "Comma-separated image providers.").refused("images cannot be used yet"),
    Flag::text("image_provisioner_backend", "How layers are stacked.").ignored("images cannot be used yet"),
    Flag::text("image_gc_config", "When images are removed, as JSON.").ignored("images cannot be used yet"),
    Flag::text("appc_simple_discovery_uri_prefix", "Where appc images are.")
        .or("http://")
        .ignored("images cannot be used yet"),
    Flag::path("appc_store_dir", "Folder of appc images.")
        .or("/tmp/mesos/store/appc")
        .ignored("images cannot be used yet"),
    Flag::text("default_container_info", "Container of tasks that name none, as JSON.")
        .refused("tasks would run without that container"),
    Flag::text("default_container_dns", "Name servers of containers, as JSON.")
        .refused("containers would use the machine's name servers"),
];

const DOCKER: &[Flag] = &[
    Flag::text("docker", "Docker's command line client.").or("docker").ignored("Docker is not in use"),
    Flag::text("docker_registry", "Where images are pulled from.")
        .or("https://registry-1.docker.io")
        .ignored("images cannot be used yet"),
    Flag::path("docker_store_dir", "Folder of images.")
        .or("/tmp/mesos/store/docker")
        .ignored("images cannot be used yet"),
    Flag::path("docker_volume_checkpoint_dir", "Folder of volume checkpoints.")
        .or("/var/run/mesos/isolators/docker/volume")
        .ignored("Docker is not in use"),
    Flag::bool("docker_volume_chown", false, "Whether volumes change their owner.")
        .ignored("Docker is not in use"),
    Flag::bool("docker_ignore_runtime", false, "Whether an image's own settings are ignored.")
        .ignored("Docker is not in use"),
    Flag::duration("docker_remove_delay", "Time before a container is removed.")
        .or("6hrs")
        .ignored("Docker is not in use"),
    Flag::bool("docker_kill_orphans", true, "Whether unknown containers are killed.")
        .ignored("Docker is not in use"),
    Flag::text("docker_mesos_image", "Image that this agent runs in.").ignored("Docker is not in use"),
    Flag::path("docker_socket", "Docker's socket.")
        .or("/var/run/docker.sock")
        .ignored("Docker is not in use"),
    Flag::text("docker_config", "Registry credentials, as JSON.").ignored("images cannot be used yet"),
    Flag::duration("docker_stop_timeout", "Time that a container has to stop.")
        .or("0ns")
        .ignored("Docker is not in use"),
];

const SECURITY: &[Flag] = &[
    Flag::path("credential", "File of this agent's principal and secret, as JSON.")
        .refused("this agent could not authenticate with a master that asks for it"),
    Flag::text("authenticatee", "How this agent authenticates.")
        .or("crammd5")
        .refused("C++ modules cannot be loaded"),
    Flag::duration("authentication_backoff_factor", "Longest wait before a second try; doubles.")
        .or("1secs")
        .ignored("this agent does not authenticate"),
    Flag::duration("authentication_timeout_min", "Least time to wait for the master.")
        .or("5secs")
        .aliases(&["authentication_timeout"])
        .ignored("this agent does not authenticate"),
    Flag::duration("authentication_timeout_max", "Longest time to wait for the master.")
        .or("1mins")
        .ignored("this agent does not authenticate"),
    Flag::text("acls", "Access control lists, as JSON.").refused("nothing would be enforced"),
    Flag::text("authorizer", "Who decides what a principal may do.")
        .or("local")
        .refused("C++ modules cannot be loaded"),
    Flag::text("firewall_rules", "Endpoints that are not served, as JSON.")
        .refused("the endpoints would be served all the same"),
    Flag::bool(
        "authenticate_http_readwrite",
        false,
        "Whether endpoints that change state ask for credentials.",
    )
    .refused_unless("everyone could change state", &["false"]),
    Flag::bool("authenticate_http_readonly", false, "Whether endpoints that show state ask for credentials.")
        .refused_unless("everyone could read state", &["false"]),
    Flag::bool("authenticate_http_executors", false, "Whether executors must authenticate.")
        .refused_unless("executors would be let in unauthenticated", &["false"]),
    Flag::text("http_authenticators", "How HTTP requests authenticate.")
        .refused_unless("C++ modules cannot be loaded", &["basic"]),
    Flag::path("http_credentials", "File of principals and secrets, as JSON.")
        .ignored("nobody is asked to authenticate"),
    Flag::path("jwt_secret_key", "File of the key that signs executors' tokens.")
        .aliases(&["executor_secret_key"])
        .refused("executors would have no tokens"),
    Flag::text("secret_resolver", "Module that resolves secrets.").refused("C++ modules cannot be loaded"),
];

const EXTENSIONS: &[Flag] = &[
    Flag::text(
        "modules",
        "Modules and their parameters, as JSON. `org_apache_mesos_LogrotateContainerLogger` is built in; C++ modules cannot \
         be loaded.",
    ),
    Flag::text("modules_dir", "Folder of files that say what `modules` says."),
    Flag::text("hooks", "Comma-separated hook modules.").refused("C++ modules cannot be loaded"),
    Flag::text("master_detector", "Module that detects the leader.").refused("C++ modules cannot be loaded"),
    Flag::text(
        "container_logger",
        "Module that takes the tasks' output: `org_apache_mesos_LogrotateContainerLogger`, which rotates the files `stdout` \
         and `stderr` as its parameters in `modules` say. If not given, they grow without end.",
    ),
    Flag::bool("memory_profiling", false, "Whether memory can be profiled.")
        .ignored("there is no profiler inside"),
];
