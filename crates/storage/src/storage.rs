//! The interface of every store.

use std::fmt::Debug;
use std::pin::Pin;

use bytes::Bytes;

use crate::{Batch, Fence, Key, Shard, Space, StorageError};

/// What a method of [`Storage`] gives: a future that a `dyn Storage` can give too.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store of small keys with atomic, fenced batches.
pub trait Storage: Debug + Send + Sync {
    /// A text that is the same for two stores exactly if they hold the same registry. The election shows it, so that
    /// masters of different registries do not follow each other.
    fn identity(&self) -> BoxFuture<'_, Result<String, StorageError>>;

    /// Begins a term: batches carry this fence from here on, and reads see all that was committed before.
    fn begin_term(&self, fence: Fence) -> BoxFuture<'_, Result<(), StorageError>>;

    /// Makes all operations of a batch durable together. Batches take effect in the order of these calls, whenever
    /// the futures are polled.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>>;

    /// Reads one key.
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Bytes>, StorageError>>;

    /// Reads a part of a space, in no particular order: over all shards each key comes once. A store whose answers are
    /// bounded gives the keys that are in the shard; another may give all with the first.
    fn list(&self, space: Space, shard: Shard) -> BoxFuture<'_, Result<Vec<(Key, Bytes)>, StorageError>>;
}
