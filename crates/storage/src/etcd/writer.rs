//! One term's writer to etcd.

use tepui_etcd::message::KeyValue;
use tepui_etcd::message::response_op::Response;
use tepui_etcd::message::{ResponseOp, TxnResponse};
use tepui_etcd::{Client, Txn};

use super::failure;
use crate::error::text;
use crate::group_commit::Writer;
use crate::mark::Marks;
use crate::{Batch, Fence, Operation, StorageError};

/// Writes batches one after the other, under one fence.
#[derive(Debug)]
pub(super) struct EtcdWriter {
    client: Client,
    prefix: String,
    head: String,
    /// The election's key and the revision that created it.
    fence: Option<(Vec<u8>, i64)>,
    marks: Marks,
    /// The revision of the head that we know of.
    known: i64,
}

impl EtcdWriter {
    /// Reads the head, which the first batch will compare.
    pub(super) async fn start(
        client: Client,
        prefix: String,
        head: String,
        fence: Fence,
    ) -> Result<Self, StorageError> {
        let fence = match fence {
            Fence::Etcd { key, create_revision } => Some((key, create_revision)),
            Fence::Alone => None,
            Fence::Epoch(_) | Fence::ZooKeeper { .. } => {
                let doing = "begin a term".to_owned();
                return Err(StorageError::Refused { doing, source: text("the election is not in etcd") });
            }
        };
        let found = client.get("read the registry's head", head.clone()).await;
        let known =
            found.map_err(|error| failure("begin a term of", error))?.map_or(0, |head| head.mod_revision);
        Ok(Self { client, prefix, head, fence, marks: Marks::new(), known })
    }

    async fn attempt(&self, batch: &Batch, mark: &str) -> Result<TxnResponse, StorageError> {
        let mut txn = Txn::new().when_changed_at(self.head.clone(), self.known);
        if let Some((key, revision)) = &self.fence {
            txn = txn.when_created_at(key.clone(), *revision);
        }
        for operation in batch.last_of_each_key() {
            let key = format!("{}/registry/{}", self.prefix, operation.key().path());
            txn = match operation {
                Operation::Put(_, value) => txn.put(key, value.to_vec(), 0),
                Operation::Delete(_) => txn.delete(key),
            };
        }
        let txn = txn.put(self.head.clone(), mark, 0).else_get(self.head.clone());
        self.client.txn("write to the registry", txn).await.map_err(|error| failure("write to", error))
    }

    fn fenced(&self) -> StorageError {
        let reason = match &self.fence {
            Some((key, revision)) => format!(
                "the key `{}` of revision {revision} is gone, or another master wrote",
                String::from_utf8_lossy(key)
            ),
            None => "another master wrote to the same registry".to_owned(),
        };
        StorageError::Fenced { doing: "write to the registry in etcd".to_owned(), reason }
    }
}

impl Writer for EtcdWriter {
    async fn write(&mut self, batch: &Batch) -> Result<(), StorageError> {
        // A second attempt, if the first one met the mark of an earlier batch whose answer was lost.
        for _ in 0..2 {
            let mark = self.marks.next(self.known);
            let answer = self.attempt(batch, &mark).await?;
            if answer.succeeded {
                self.known = answer.header.map_or(self.known, |header| header.revision);
                return Ok(());
            }
            match found(answer.responses) {
                Some(head) if self.marks.is_ours(self.known, &head.value) => {
                    self.known = head.mod_revision;
                    // The client tries the next endpoint when an answer is lost, so even our own mark may be there.
                    if head.value == mark.as_bytes() {
                        return Ok(());
                    }
                }
                _ => return Err(self.fenced()),
            }
        }
        Err(self.fenced())
    }
}

/// The head, as a transaction that failed to compare read it.
fn found(responses: Vec<ResponseOp>) -> Option<KeyValue> {
    responses.into_iter().find_map(|response| match response.response? {
        Response::ResponseRange(range) => range.kvs.into_iter().next(),
        Response::ResponsePut(_) | Response::ResponseDeleteRange(_) => None,
    })
}
