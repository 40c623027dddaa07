//! The flags of the log, which all daemons have.

use crate::flag::Flag;

/// What every daemon takes about its log, and `--version`.
pub const LOGGING: &[Flag] = &[
    Flag::bool("quiet", false, "Whether only errors are logged."),
    Flag::text("logging_level", "Least severity of what is logged: INFO, WARNING or ERROR.").or("INFO"),
    Flag::path("log_dir", "Folder for log files.").ignored("the log goes to stderr"),
    Flag::integer("logbufsecs", "Seconds to keep log lines back.")
        .or("0")
        .ignored("the log is not kept back"),
    Flag::bool("initialize_driver_logging", true, "Whether drivers log.")
        .ignored("there is no driver inside"),
    Flag::path("external_log_file", "File that holds the log, to be shown.").ignored("the log is not shown"),
    Flag::bool("version", false, "Print the version and stop."),
];
