//! The built-in executors: programs that agents start to run tasks which bring no executor of their own.
//!
//! `tepui executor command` runs one task as a process beside it ([`run_command_executor`]). They are clients of the
//! agent like any other executor and use nothing that others could not. Many of them run on a machine, so they have
//! one thread and little memory.

pub mod command;
mod log;

use std::ffi::OsString;
use std::process::ExitCode;

use tracing::error;

pub use command::run_command_executor;

/// `tepui executor NAME [FLAGS]`.
pub fn command(args: &[OsString]) -> ExitCode {
    log::start();
    let mut args = args.iter().map(|arg| arg.to_string_lossy());
    match args.next().as_deref() {
        Some("command") => {}
        Some(name) => {
            error!("there is no executor `{name}`; there is `command`");
            return ExitCode::from(2);
        }
        None => {
            error!("no executor was named; there is `command`");
            return ExitCode::from(2);
        }
    }
    // Compat: agents of Mesos say where Mesos' programs are. This one needs none of them.
    if let Some(flag) = args.find(|flag| !flag.starts_with("--launcher_dir")) {
        error!("unknown flag `{flag}` of the command executor");
        return ExitCode::from(2);
    }
    run_command_executor()
}
