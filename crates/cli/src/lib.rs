//! The user's commands, and all printing: data goes to stdout, what is said about it to stderr.
//!
//! `tepui execute` runs a task and follows it; start reading at `execute.rs`. A command computes a value and then prints
//! it; how anything looks is decided in `print.rs`.

mod execute;
mod print;
mod wrong_flags;

pub use execute::{EXECUTE_FLAGS, ExecuteError, Options, Outcome, execute, options_from_flags, run};
pub use print::{Printed, error, note, output};
pub use wrong_flags::flags_error;
