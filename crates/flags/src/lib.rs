//! Mesos' way of giving flags: `--name=value`, `--no-name`, `MESOS_NAME`, `file://` values, durations and sizes.
//!
//! A daemon lists its flags in one table of [`Flag`]s; the table is the parser, the help text, the `/flags` endpoint
//! and the reference page. Start reading at `flag.rs`. What a flag does is decided by the daemon that reads it.

mod flag;
mod logging;
mod network;
mod parse;
mod values;

pub use flag::{Flag, Kind, Treatment};
pub use logging::LOGGING;
pub use network::{Addresses, NetworkError, addresses};
pub use parse::{FlagSet, FlagsError};
pub use values::Values;

#[cfg(test)]
mod tests;
