//! The registry in etcd.
//!
//! Rows are keys below `<prefix>/registry/`. Beside them stands `<prefix>/registry-head`, which every transaction writes
//! and compares: a transaction that was delayed on its way (its caller gave up, a connection broke) cannot take effect
//! once a later one has. And each compares the revision that created our key of the election, which is gone, or another,
//! when we do not lead any more.

mod writer;

use std::time::Duration;

use bytes::Bytes;
use tepui_etcd::{Client, Config, Spec};

use crate::error::text;
use crate::group_commit::Term;
use crate::{Batch, BoxFuture, Fence, Key, Shard, Space, Storage, StorageError};

use writer::EtcdWriter;

/// Which etcd, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct EtcdConfig {
    /// The endpoints, the credentials, and the prefix of all our keys.
    pub spec: Spec,
    /// How long one request may take.
    pub timeout: Duration,
}

/// A store in etcd.
#[derive(Debug)]
pub struct EtcdStorage {
    client: Client,
    prefix: String,
    timeout: Duration,
    /// The writer of this term.
    term: Term,
}

impl EtcdStorage {
    /// Makes a store; connections are made when they are needed. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// An endpoint cannot be read.
    pub fn open(config: EtcdConfig) -> Result<Self, StorageError> {
        let prefix = config.spec.prefix.clone();
        let timeout = config.timeout;
        let client =
            Client::new(Config { spec: config.spec, timeout }).map_err(|error| failure("open", error))?;
        Ok(Self { client, prefix, timeout, term: Term::default() })
    }

    fn key(&self, path: &str) -> String {
        format!("{}/registry/{path}", self.prefix)
    }

    fn head(&self) -> String {
        format!("{}/registry-head", self.prefix)
    }

    async fn read_identity(&self) -> Result<String, StorageError> {
        const DOING: &str = "identify the registry";
        let answer = self.client.header(DOING, self.head()).await.map_err(|error| failure(DOING, error))?;
        Ok(format!("etcd:{:016x}:{}", answer.cluster_id, self.prefix))
    }

    async fn start_term(&self, fence: Fence) -> Result<(), StorageError> {
        // The writer of an earlier term ends first.
        self.term.end();
        let writer = EtcdWriter::start(self.client.clone(), self.prefix.clone(), self.head(), fence).await?;
        self.term.begin(writer);
        Ok(())
    }

    async fn read(&self, key: Key) -> Result<Option<Bytes>, StorageError> {
        let path = self.key(&key.path());
        let found =
            self.client.get("read the registry", path).await.map_err(|error| failure("read", error))?;
        Ok(found.map(|row| row.value.into()))
    }

    async fn read_shard(&self, space: Space, shard: Shard) -> Result<Vec<(Key, Bytes)>, StorageError> {
        let prefix = self.key(&format!("{}/", Key::folder(space, shard)));
        let listing = self.client.get_prefix("list the registry", prefix.as_bytes()).await;
        let (rows, _) = listing.map_err(|error| failure("list", error))?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let path = String::from_utf8_lossy(&row.key);
            let leaf = path.strip_prefix(&prefix).and_then(|leaf| Key::from_leaf(space, leaf));
            let key = leaf.ok_or_else(|| StorageError::Garbage {
                doing: "list the registry".to_owned(),
                place: path.clone().into_owned(),
                source: text("the row's name is none of ours"),
            })?;
            found.push((key, row.value.into()));
        }
        Ok(found)
    }

    /// How long one request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl Storage for EtcdStorage {
    fn identity(&self) -> BoxFuture<'_, Result<String, StorageError>> {
        Box::pin(self.read_identity())
    }

    fn begin_term(&self, fence: Fence) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(self.start_term(fence))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>> {
        self.term.commit(batch)
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Bytes>, StorageError>> {
        Box::pin(self.read(key))
    }

    fn list(&self, space: Space, shard: Shard) -> BoxFuture<'_, Result<Vec<(Key, Bytes)>, StorageError>> {
        Box::pin(self.read_shard(space, shard))
    }
}

/// Says what an error of etcd means to a store.
fn failure(doing: &str, error: tepui_etcd::Error) -> StorageError {
    let doing = format!("{doing} the registry in etcd");
    match error {
        tepui_etcd::Error::Timeout { seconds, .. } => StorageError::Slow { doing, seconds },
        error @ tepui_etcd::Error::Unreachable { .. } => {
            StorageError::Gone { doing, source: std::sync::Arc::new(error) }
        }
        error @ tepui_etcd::Error::Full { .. } => {
            StorageError::Full { doing, source: std::sync::Arc::new(error) }
        }
        error @ (tepui_etcd::Error::NotFound { .. }
        | tepui_etcd::Error::Denied { .. }
        | tepui_etcd::Error::Refused { .. }
        | tepui_etcd::Error::TlsFile { .. }
        | tepui_etcd::Error::BadEndpoint { .. }) => {
            StorageError::Refused { doing, source: std::sync::Arc::new(error) }
        }
    }
}
