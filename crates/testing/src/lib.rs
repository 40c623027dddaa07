//! Real clusters for tests: processes on loopback, and third-party clients.
//!
//! Nothing here decides anything; a test starts daemons, waits for what it expects with a deadline, and everything that
//! it started ends with it. `daemon.rs` runs our own binary, `mesos_go.rs` a client of others.

pub mod chaos;
mod daemon;
mod mesos_go;
mod oracle;
mod request;
#[path = "../../storage/tests/stores/server.rs"]
#[expect(dead_code, reason = "the stores' own tests use all of it")]
mod server;
mod started;
mod wait;

pub use daemon::{Daemon, Output, free_port, run_to_end};
pub use mesos_go::{mesos_go, mesos_go_executor, mesos_go_old_executor};
pub use oracle::{Oracle, OracleAgent};
pub use request::{Answer, get, get_within, post};
pub use started::Started;
pub use wait::wait_for;
