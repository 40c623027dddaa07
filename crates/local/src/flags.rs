//! The flags of `tepui local`.

use tepui_flags::{Flag, FlagSet};

/// What `tepui local` takes.
pub const FLAGS: FlagSet = FlagSet {
    command: "tepui local",
    about: "Runs a master and agents in one process; with --execute, a command as a task on them.",
    tables: &[&[
        Flag::text("execute", "Command to run as a task; the cluster ends with it, and its result is ours."),
        Flag::text("task_resources", "Resources of that task.").or("cpus:0.1;mem:32"),
        Flag::text(
            "resources",
            "What each agent offers, such as `cpus:4;mem:1024`; what this machine has if absent.",
        ),
        Flag::integer("agents", "How many agents to run.").or("1").aliases(&["num_slaves", "num_agents"]),
        Flag::text("ip", "IP address to listen on.").or("127.0.0.1"),
        Flag::integer("port", "Port of the master; a free one if it is taken and was not asked for.")
            .or("5050"),
        Flag::path("work_dir", "Folder for sandboxes; if absent, a new one that is removed at the end."),
        Flag::bool("switch_user", false, "Whether tasks run as the user that they or their framework name."),
        Flag::bool("quiet", false, "Whether only errors are logged."),
        Flag::text("logging_level", "Least severity of what is logged: INFO, WARNING or ERROR.")
            .or("WARNING"),
        Flag::bool("version", false, "Print the version and stop."),
    ]],
};
