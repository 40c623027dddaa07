//! Election and detection, against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[cfg(feature = "etcd")]
mod etcd;
mod process;
mod scenario;
// The same servers as the stores' tests.
#[expect(dead_code, reason = "the stores' tests use the rest")]
#[path = "../../../storage/tests/stores/server.rs"]
mod server;
mod standalone;
#[cfg(feature = "zookeeper")]
mod zookeeper;
