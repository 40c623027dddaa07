//! The stores, against real servers.

mod contract;
#[cfg(feature = "etcd")]
mod etcd;
mod local;
mod server;
#[cfg(feature = "zookeeper")]
mod zookeeper;
