//! The built-in executors: programs that agents start to run tasks which bring no executor of their own.
//!
//! `tepui executor command` runs one task as a process beside it ([`run_command_executor`]). `tepui executor default` runs
//! task groups, each task in a container within its own that the agent makes ([`run_default_executor`]). They are clients of
//! the agent like any other executor and use nothing that others could not. Many of them run on a machine, so they have one
//! thread and little memory.

mod checks;
pub mod command;
pub mod default;
mod escalation;
mod flags;
mod log;
mod outcome;
mod variables;

use std::ffi::OsString;
use std::process::ExitCode;

use tracing::error;

pub use command::run_command_executor;
pub use default::run_default_executor;

/// `tepui executor NAME [FLAGS]`.
pub fn command(args: &[OsString]) -> ExitCode {
    log::start();
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let Some((name, flags)) = args.split_first() else {
        error!("no executor was named; there are `command` and `default`");
        return ExitCode::from(2);
    };
    let flags = match flags::Flags::parse(flags) {
        Ok(flags) => flags,
        Err(error) => {
            error!("{error}");
            return ExitCode::from(2);
        }
    };
    match name.as_str() {
        "command" => run_command_executor(flags),
        "default" => run_default_executor(),
        _ => {
            error!("there is no executor `{name}`; there are `command` and `default`");
            ExitCode::from(2)
        }
    }
}
