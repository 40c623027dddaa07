//! A store that lasts as long as the process: for tests, for the simulator, and for `--registry=in_memory`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::{Batch, BoxFuture, Fence, Key, Operation, Shard, Space, Storage, StorageError};

/// A store in memory. [`Self::another_writer`] makes a handle for another master, which shares the rows and has its own
/// term.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    rows: Arc<Mutex<Rows>>,
    epoch: Mutex<u64>,
    identity: String,
}

#[derive(Debug, Default)]
struct Rows {
    shards: BTreeMap<(Space, Shard), BTreeMap<Key, Bytes>>,
    /// The highest term that was begun.
    epoch: u64,
}

impl MemoryStorage {
    /// An empty store; `identity` names it in an election.
    pub fn new(identity: impl Into<String>) -> Self {
        Self { identity: identity.into(), ..Self::default() }
    }

    /// A handle to the same rows with no term of its own yet.
    #[must_use]
    pub fn another_writer(&self) -> Self {
        Self { rows: Arc::clone(&self.rows), epoch: Mutex::new(0), identity: self.identity.clone() }
    }

    /// Begins a term, at once: [`Storage::begin_term`] for callers without a runtime.
    pub fn begin_term_now(&self, fence: &Fence) -> Result<(), StorageError> {
        let mut rows = lock(&self.rows);
        let epoch = match fence {
            Fence::Epoch(epoch) if *epoch < rows.epoch => {
                return Err(fenced("begin a term", *epoch, rows.epoch));
            }
            Fence::Epoch(epoch) => *epoch,
            Fence::Alone | Fence::Etcd { .. } | Fence::ZooKeeper { .. } => rows.epoch + 1,
        };
        rows.epoch = epoch;
        *lock(&self.epoch) = epoch;
        Ok(())
    }

    /// Writes a batch, at once.
    pub fn commit_now(&self, batch: Batch) -> Result<(), StorageError> {
        let mut rows = lock(&self.rows);
        let epoch = *lock(&self.epoch);
        if epoch != rows.epoch {
            return Err(fenced("write to the registry", epoch, rows.epoch));
        }
        for operation in batch.into_operations() {
            match operation {
                Operation::Put(key, value) => {
                    rows.shards.entry((key.space(), key.shard())).or_default().insert(key, value);
                }
                Operation::Delete(key) => {
                    if let Some(shard) = rows.shards.get_mut(&(key.space(), key.shard())) {
                        shard.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a shard, at once.
    pub fn list_now(&self, space: Space, shard: Shard) -> Vec<(Key, Bytes)> {
        let rows = lock(&self.rows);
        let shard = rows.shards.get(&(space, shard)).into_iter().flatten();
        shard.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

fn fenced(doing: &str, ours: u64, highest: u64) -> StorageError {
    StorageError::Fenced {
        doing: doing.to_owned(),
        reason: format!("our term is {ours}, {highest} was begun"),
    }
}

/// No code panics between two changes that belong together, so what a panic leaves is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage for MemoryStorage {
    fn identity(&self) -> BoxFuture<'_, Result<String, StorageError>> {
        let identity = self.identity.clone();
        Box::pin(async move { Ok(identity) })
    }

    fn begin_term(&self, fence: Fence) -> BoxFuture<'_, Result<(), StorageError>> {
        let begun = self.begin_term_now(&fence);
        Box::pin(async move { begun })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>> {
        let committed = self.commit_now(batch);
        Box::pin(async move { committed })
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Bytes>, StorageError>> {
        let found = lock(&self.rows)
            .shards
            .get(&(key.space(), key.shard()))
            .and_then(|shard| shard.get(&key).cloned());
        Box::pin(async move { Ok(found) })
    }

    fn list(&self, space: Space, shard: Shard) -> BoxFuture<'_, Result<Vec<(Key, Bytes)>, StorageError>> {
        let found = self.list_now(space, shard);
        Box::pin(async move { Ok(found) })
    }
}
