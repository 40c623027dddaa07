//! Where the registry is kept: small keys in an embedded database, in etcd, in ZooKeeper, or in memory.
//!
//! - [`Storage`] is the interface: atomic, fenced [`Batch`]es of puts and deletes, and reads by key and by shard.
//! - [`MemoryStorage`], [`EmbeddedStorage`], [`EtcdStorage`] and [`ZooKeeperStorage`] implement it.
//! - [`registry`] says which row stands at which key: what a master remembers beyond its own life.
//!
//! **Who may write.** A master begins a term with the [`Fence`] that its election gave it. Each batch carries the fence,
//! and the store itself compares it: a deposed master's batch changes nothing and fails with [`StorageError::Fenced`].
//!
//! **What a failure means.** An error either says that nothing was written, or (for [`StorageError::Slow`] and
//! [`StorageError::Gone`]) that it is not known. Writing the same batch again is then safe: batches take effect in the
//! order of their commits, so what was delayed on its way can never overwrite what was committed after it. When to try
//! again is the caller's to decide.
//!
//! **What a write costs.** One key per agent, role or schedule: admitting an agent costs the same with ten agents and
//! with fifty thousand.
//!
//! This crate does not elect (`tepui-ha` does), does not know `tepui-master-core`, and keeps no tasks: agents bring them.

mod batch;
mod embedded;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod fence;
#[cfg(any(feature = "etcd", feature = "zookeeper"))]
mod group_commit;
mod key;
#[cfg(any(feature = "etcd", feature = "zookeeper"))]
mod mark;
mod memory;
pub mod registry;
mod storage;
#[cfg(feature = "zookeeper")]
mod zookeeper;

pub use batch::{Batch, BatchFull, MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS, Operation};
pub use embedded::EmbeddedStorage;
pub use error::StorageError;
#[cfg(feature = "etcd")]
pub use etcd::{EtcdConfig, EtcdStorage};
pub use fence::Fence;
pub use key::{Key, KeyError, SHARDS, Shard, Space};
pub use memory::MemoryStorage;
pub use storage::{BoxFuture, Storage};
#[cfg(feature = "zookeeper")]
pub use zookeeper::{ZooKeeperConfig, ZooKeeperStorage};
