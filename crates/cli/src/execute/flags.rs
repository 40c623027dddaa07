//! The flags of `tepui execute`: those of `mesos-execute`, and what is done about each.

use tepui_flags::{Flag, FlagSet};

/// What `tepui execute` takes.
pub const FLAGS: FlagSet = FlagSet {
    command: "tepui execute",
    about: "Runs a task on a cluster, shows its states and its output, and exits with its result.",
    tables: &[TASK, FRAMEWORK, CONTAINER],
};

const TASK: &[Flag] = &[
    Flag::text(
        "master",
        "Where the masters are: `host:port`, several of them, `zk://host:port,.../path`, `etcd://host:port,.../prefix`, or \
         `file:///path` of a file that says so.",
    ),
    Flag::text("name", "Name of the task."),
    Flag::text("command", "What the shell runs; with `--no-shell`, the program."),
    Flag::bool("shell", true, "Whether a shell runs the command."),
    Flag::text(
        "arguments",
        "Arguments of the program, separated by spaces; the first is its own name. For `--no-shell`.",
    ),
    Flag::text("env", "Environment of the task, as a JSON object."),
    Flag::text("resources", "Resources of the task.").or("cpus:1;mem:128"),
    Flag::text("user", "User that the task runs as; the framework's if not given."),
    Flag::text(
        "task",
        "The whole task, as a JSON TaskInfo; in place of `name`, `command`, `env` and `resources`.",
    ),
    Flag::text("task_group", "A group of tasks, as a JSON TaskGroupInfo; in place of `task`."),
    Flag::duration("kill_after", "Time after which the task is killed."),
    Flag::text("rlimits", "Resource limits, as JSON.").refused("the task would run without them"),
];

const FRAMEWORK: &[Flag] = &[
    Flag::text("role", "Role to take resources from.").or("*"),
    Flag::text("framework_name", "Name of the framework.").or("tepui execute"),
    Flag::text(
        "framework_capabilities",
        "Comma-separated capabilities of the framework, such as `GPU_RESOURCES`.",
    ),
    Flag::bool("partition_aware", true, "Whether the framework understands partitions."),
    Flag::bool("checkpoint", false, "Whether the task survives a restart of its agent."),
    Flag::text("content_type", "Encoding of the API: `protobuf` or `json`.").or("protobuf"),
    Flag::text("principal", "Principal of the framework.").refused("this command does not authenticate yet"),
    Flag::text("secret", "Secret of the principal.").refused("this command does not authenticate yet"),
    Flag::bool("follow", true, "Whether the task's output is shown."),
    Flag::bool("version", false, "Print the version and stop."),
];

const CONTAINER: &[Flag] = &[
    Flag::text("containerizer", "How the task is contained.")
        .or("mesos")
        .refused("Docker containers cannot be launched yet"),
    Flag::text("docker_image", "Docker image.").refused("images cannot be used yet"),
    Flag::text("appc_image", "Appc image.").refused("images cannot be used yet"),
    Flag::text("networks", "Networks to join.").refused("containers are on the machine's network"),
    Flag::text("volumes", "Volumes, as JSON.").refused("volumes cannot be mounted yet"),
    Flag::text("effective_capabilities", "Capabilities, as JSON.")
        .refused("the task would have more capabilities"),
    Flag::text("bounding_capabilities", "Capabilities, as JSON.")
        .refused("the task could gain more capabilities"),
    Flag::bool("tty", false, "Whether the task has a terminal.")
        .refused_unless("it would have none", &["false"]),
    Flag::text("package", "File to copy to HDFS for the task.").refused("nothing is copied to HDFS"),
    Flag::text("hdfs", "Where it is copied to.").aliases(&["hadoop"]).refused("nothing is copied to HDFS"),
    Flag::bool("overwrite", false, "Whether that file may be there.").ignored("nothing is copied"),
];
