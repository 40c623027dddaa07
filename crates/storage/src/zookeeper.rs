//! The registry in ZooKeeper.
//!
//! Rows are znodes below `<path>/tepui/registry/`, beside the masters' election nodes; Mesos and its clients skip a child
//! of that name, as they skip `log_replicas`. The znode `<path>/tepui/registry-head` is changed by every batch, and its
//! version compared: a batch that was delayed on its way cannot take effect once a later one has. And each batch is a
//! `multi` that checks our own `json.info_` node, which is gone when our session has ended.
//!
//! A `multi` must know whether a row is there to write it, so the writer asks first, for all rows of a batch at once.
//! What it learns holds until the `multi`, because the head's version does.

mod connection;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zookeeper_client::Error;

use crate::error::text;
use crate::group_commit::Term;
use crate::{Batch, BoxFuture, Fence, Key, Shard, Space, Storage, StorageError};

use connection::{Connection, failure};
use writer::ZooKeeperWriter;

/// How many reads are under way at once.
const PARALLEL_READS: usize = 256;

/// Which ZooKeeper, and how long to wait for it.
#[derive(Clone)]
pub struct ZooKeeperConfig {
    /// `host:port,host:port`.
    pub servers: String,
    /// The path that the masters share, as in `/mesos`.
    pub path: String,
    /// `user:password`.
    pub credentials: Option<String>,
    /// After what silence the server ends our session.
    pub session_timeout: Duration,
    /// How long one request may take.
    pub timeout: Duration,
}

impl std::fmt::Debug for ZooKeeperConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ZooKeeperConfig")
            .field("servers", &self.servers)
            .field("path", &self.path)
            .field("session_timeout", &self.session_timeout)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A store in ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeperStorage {
    connection: Arc<Connection>,
    root: String,
    identity: String,
    /// The writer of this term.
    term: Term,
}

impl ZooKeeperStorage {
    /// Makes a store; the connection is made when it is needed.
    pub fn open(config: ZooKeeperConfig) -> Self {
        let path = config.path.trim_end_matches('/').to_owned();
        let root = format!("{path}/tepui");
        Self {
            // The ensemble's own name is not known to its clients; what shares our path also shares our ensemble.
            identity: format!("zookeeper:{path}"),
            connection: Arc::new(Connection::new(config)),
            root,
            term: Term::default(),
        }
    }

    async fn start_term(&self, fence: Fence) -> Result<(), StorageError> {
        // The writer of an earlier term ends first.
        self.term.end();
        let writer = ZooKeeperWriter::start(Arc::clone(&self.connection), self.root.clone(), fence).await?;
        self.term.begin(writer);
        Ok(())
    }

    async fn read(&self, key: Key) -> Result<Option<Bytes>, StorageError> {
        const DOING: &str = "read the registry in ZooKeeper";
        let client = self.connection.client(DOING).await?;
        let path = format!("{}/registry/{}", self.root, key.path());
        match self.connection.within(DOING, client.get_data(&path)).await? {
            Ok((value, _)) => Ok(Some(value.into())),
            Err(Error::NoNode) => Ok(None),
            Err(error) => Err(failure(DOING, error)),
        }
    }

    async fn read_shard(&self, space: Space, shard: Shard) -> Result<Vec<(Key, Bytes)>, StorageError> {
        const DOING: &str = "list the registry in ZooKeeper";
        let client = self.connection.client(DOING).await?;
        let folder = format!("{}/registry/{}", self.root, Key::folder(space, shard));
        let leaves = match self.connection.within(DOING, client.list_children(&folder)).await? {
            Ok(leaves) => leaves,
            Err(Error::NoNode) => return Ok(Vec::new()),
            Err(error) => return Err(failure(DOING, error)),
        };
        let mut found = Vec::with_capacity(leaves.len());
        for leaves in leaves.chunks(PARALLEL_READS) {
            // Each request is sent when it is made; the answers come in order.
            let paths: Vec<String> = leaves.iter().map(|leaf| format!("{folder}/{leaf}")).collect();
            let requests: Vec<_> = paths.iter().map(|path| client.get_data(path)).collect();
            for (leaf, request) in leaves.iter().zip(requests) {
                let key = Key::from_leaf(space, leaf).ok_or_else(|| StorageError::Garbage {
                    doing: DOING.to_owned(),
                    place: format!("{folder}/{leaf}"),
                    source: text("the row's name is none of ours"),
                })?;
                match self.connection.within(DOING, request).await? {
                    Ok((value, _)) => found.push((key, value.into())),
                    Err(Error::NoNode) => {}
                    Err(error) => return Err(failure(DOING, error)),
                }
            }
        }
        Ok(found)
    }
}

impl Storage for ZooKeeperStorage {
    fn identity(&self) -> BoxFuture<'_, Result<String, StorageError>> {
        let identity = self.identity.clone();
        Box::pin(async move { Ok(identity) })
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
