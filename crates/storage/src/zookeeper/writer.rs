//! One term's writer to ZooKeeper.

use std::collections::BTreeSet;
use std::sync::Arc;

use zookeeper_client::{Client, CreateMode, Error, MultiWriteError, MultiWriteResult};

use super::connection::{Connection, failure};
use crate::error::text;
use crate::group_commit::Writer;
use crate::mark::Marks;
use crate::{Batch, Fence, Key, Operation, StorageError};

const DOING: &str = "write to the registry in ZooKeeper";

/// The version of a node whose content was never changed, as that of an election node never is.
const NEVER_CHANGED: i32 = 0;

/// Writes batches one after the other, under one fence.
#[derive(Debug)]
pub(super) struct ZooKeeperWriter {
    connection: Arc<Connection>,
    root: String,
    /// Our node of the election.
    fence: Option<String>,
    marks: Marks,
    /// The version of the head that we know of.
    known: i32,
    /// Folders that are known to be there.
    folders: BTreeSet<String>,
}

/// What became of an attempt.
enum Outcome {
    Written,
    /// The head has another version than we know.
    HeadMoved,
    /// A row was there, or was not, against what we had read.
    Stale,
}

impl ZooKeeperWriter {
    /// Reads the head's version, which the first batch will compare.
    pub(super) async fn start(
        connection: Arc<Connection>,
        root: String,
        fence: Fence,
    ) -> Result<Self, StorageError> {
        let fence = match fence {
            Fence::ZooKeeper { path } => Some(path),
            Fence::Alone => None,
            Fence::Epoch(_) | Fence::Etcd { .. } => {
                let doing = "begin a term".to_owned();
                return Err(StorageError::Refused {
                    doing,
                    source: text("the election is not in ZooKeeper"),
                });
            }
        };
        let mut writer =
            Self { connection, root, fence, marks: Marks::new(), known: 0, folders: BTreeSet::new() };
        let client = writer.connection.client(DOING).await?;
        // Another session's writes may not have reached the server that ours is at.
        writer.connection.within(DOING, client.sync("/")).await?.map_err(|error| failure(DOING, error))?;
        writer.make_folder(&client, &writer.root).await?;
        let options = CreateMode::Persistent.with_acls(writer.connection.acls());
        match writer.connection.within(DOING, client.create(&writer.head(), b"", &options)).await? {
            // What we may not make may be there all the same: reading it says.
            Ok(_) | Err(Error::NodeExists | Error::NoAuth) => {}
            Err(error) => return Err(failure(DOING, error)),
        }
        writer.known = writer.read_head(&client).await?.1;
        Ok(writer)
    }

    fn head(&self) -> String {
        format!("{}/registry-head", self.root)
    }

    async fn read_head(&self, client: &Client) -> Result<(Vec<u8>, i32), StorageError> {
        let head = self.connection.within(DOING, client.get_data(&self.head())).await?;
        let (mark, stat) = head.map_err(|error| failure(DOING, error))?;
        Ok((mark, stat.version))
    }

    async fn make_folder(&self, client: &Client, path: &str) -> Result<(), StorageError> {
        let options = CreateMode::Persistent.with_acls(self.connection.acls());
        match self.connection.within(DOING, client.mkdir(path, &options)).await? {
            // ZooKeeper looks at our rights before it looks whether the path is there.
            Err(error @ Error::NoAuth) => {
                let there = self.connection.within(DOING, client.check_stat(path)).await?;
                if matches!(there, Ok(Some(_))) { Ok(()) } else { Err(failure(DOING, error)) }
            }
            made => made.map_err(|error| failure(DOING, error)),
        }
    }

    fn path(&self, key: &Key) -> String {
        format!("{}/registry/{}", self.root, key.path())
    }

    /// Sees to it that the folders of what is put are there. They are never removed, so that needs no fence.
    async fn make_folders(&mut self, client: &Client, operations: &[&Operation]) -> Result<(), StorageError> {
        for operation in operations {
            if let Operation::Put(key, _) = operation {
                let folder = format!("{}/registry/{}", self.root, Key::folder(key.space(), key.shard()));
                if !self.folders.contains(&folder) {
                    self.make_folder(client, &folder).await?;
                    self.folders.insert(folder);
                }
            }
        }
        Ok(())
    }

    async fn are_there(&self, client: &Client, operations: &[&Operation]) -> Result<Vec<bool>, StorageError> {
        // Each request is sent when it is made; the answers come in order.
        let paths: Vec<String> = operations.iter().map(|operation| self.path(operation.key())).collect();
        let requests: Vec<_> = paths.iter().map(|path| client.check_stat(path)).collect();
        let mut there = Vec::with_capacity(operations.len());
        for request in requests {
            let stat =
                self.connection.within(DOING, request).await?.map_err(|error| failure(DOING, error))?;
            there.push(stat.is_some());
        }
        Ok(there)
    }

    async fn attempt(
        &self,
        client: &Client,
        operations: &[&Operation],
        mark: &str,
    ) -> Result<Outcome, StorageError> {
        let there = self.are_there(client, operations).await?;
        let written = self.connection.within(DOING, self.multi(client, operations, &there, mark)?).await?;
        let checks = usize::from(self.fence.is_some());
        match written {
            Ok(_) => Ok(Outcome::Written),
            Err(MultiWriteError::OperationFailed { index, source: Error::NoNode | Error::BadVersion })
                if index < checks =>
            {
                Err(self.fenced())
            }
            Err(MultiWriteError::OperationFailed { index, source: Error::BadVersion }) if index == checks => {
                Ok(Outcome::HeadMoved)
            }
            Err(MultiWriteError::OperationFailed { source: Error::NoNode | Error::NodeExists, .. }) => {
                Ok(Outcome::Stale)
            }
            Err(
                MultiWriteError::OperationFailed { source: error, .. }
                | MultiWriteError::RequestFailed { source: error },
            ) => Err(failure(DOING, error)),
        }
    }

    fn multi<'a>(
        &self,
        client: &'a Client,
        operations: &[&Operation],
        there: &[bool],
        mark: &str,
    ) -> Result<
        impl Future<Output = Result<Vec<MultiWriteResult>, MultiWriteError>> + Send + use<'a>,
        StorageError,
    > {
        let mut multi = client.new_multi_writer();
        let mut fill = || {
            if let Some(fence) = &self.fence {
                multi.add_check_version(fence, NEVER_CHANGED)?;
            }
            multi.add_set_data(&self.head(), mark.as_bytes(), Some(self.known))?;
            let options = CreateMode::Persistent.with_acls(self.connection.acls());
            for (operation, there) in operations.iter().zip(there) {
                let path = self.path(operation.key());
                match (operation, there) {
                    (Operation::Put(_, value), true) => multi.add_set_data(&path, value, None)?,
                    (Operation::Put(_, value), false) => multi.add_create(&path, value, &options)?,
                    (Operation::Delete(_), true) => multi.add_delete(&path, None)?,
                    (Operation::Delete(_), false) => {}
                }
            }
            Ok::<_, Error>(multi.commit())
        };
        fill().map_err(|error| failure(DOING, error))
    }

    fn fenced(&self) -> StorageError {
        let reason = match &self.fence {
            Some(path) => format!("the node `{path}` is gone, or another master wrote"),
            None => "another master wrote to the same registry".to_owned(),
        };
        StorageError::Fenced { doing: DOING.to_owned(), reason }
    }
}

impl Writer for ZooKeeperWriter {
    async fn write(&mut self, batch: &Batch) -> Result<(), StorageError> {
        let operations = batch.last_of_each_key();
        // A second attempt, if the first one met the mark of an earlier batch whose answer was lost, or a server that
        // lags behind.
        for _ in 0..3 {
            let client = self.connection.client(DOING).await?;
            self.make_folders(&client, &operations).await?;
            let mark = self.marks.next(i64::from(self.known));
            match self.attempt(&client, &operations, &mark).await? {
                Outcome::Written => {
                    self.known = self.known.wrapping_add(1);
                    return Ok(());
                }
                Outcome::HeadMoved => {
                    let (found, version) = self.read_head(&client).await?;
                    if !self.marks.is_ours(i64::from(self.known), &found) {
                        return Err(self.fenced());
                    }
                    self.known = version;
                }
                Outcome::Stale => {
                    self.folders.clear();
                    self.connection
                        .within(DOING, client.sync("/"))
                        .await?
                        .map_err(|error| failure(DOING, error))?;
                }
            }
        }
        Err(StorageError::Garbage {
            doing: DOING.to_owned(),
            place: format!("{}/registry", self.root),
            source: text("rows come and go without the head's being changed: another program writes here"),
        })
    }
}
