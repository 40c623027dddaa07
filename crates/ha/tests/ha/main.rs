//! Election and detection, against real servers.

#[cfg(feature = "etcd")]
mod etcd;
mod process;
mod scenario;
// The same servers as the stores' tests.
#[path = "../../../storage/tests/stores/server.rs"]
mod server;
mod standalone;
#[cfg(feature = "zookeeper")]
mod zookeeper;
