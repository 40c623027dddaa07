//! The stores, against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod contract;
#[cfg(feature = "etcd")]
mod etcd;
mod local;
mod server;
#[cfg(feature = "zookeeper")]
mod zookeeper;
