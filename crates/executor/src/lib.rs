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
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::SystemTime;

use tracing::error;

pub use command::run_command_executor;
pub use default::run_default_executor;

/// The exit statuses of executors.
const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
const WRONG_CALL: u8 = 2;

/// `tepui executor NAME [FLAGS]`.
pub fn command(args: &[OsString]) -> ExitCode {
    status(args).into()
}

/// The same, with the exit status as a number.
pub fn status(args: &[OsString]) -> u8 {
    log::start();
    // Of a clock alone two executors that start together could have the same; and where we were forked from may have drawn.
    fastrand::seed(RandomState::new().hash_one((std::process::id(), SystemTime::now())));
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let Some((name, flags)) = args.split_first() else {
        error!("no executor was named; there are `command` and `default`");
        return WRONG_CALL;
    };
    let flags = match flags::Flags::parse(flags) {
        Ok(flags) => flags,
        Err(error) => {
            error!("{error}");
            return WRONG_CALL;
        }
    };
    match name.as_str() {
        "command" => run_command_executor(flags),
        "default" => run_default_executor(),
        _ => {
            error!("there is no executor `{name}`; there are `command` and `default`");
            WRONG_CALL
        }
    }
}
