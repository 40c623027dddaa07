//! The embedded store: one file under the work folder, written by one thread.
//!
//! The cost of a write is the sync, so the thread takes all batches that wait, applies them in one transaction of redb,
//! syncs once and answers all. Whatever was answered is in the file after a kill -9 or a power cut, and a batch is there
//! whole or not at all: redb writes new pages beside the old ones and then turns one checked pointer.
//!
//! If a commit fails (a full disk, say), redb wants its file opened anew; the thread does that before the next request,
//! so the store works again when the disk does.
//!
//! The file is locked while it is open: a second process is told so.

mod file;

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::error::text;
use crate::{Batch, BoxFuture, Fence, Key, Shard, Space, Storage, StorageError};

use file::File;

/// How many requests may wait for the thread. Each waiting batch is bounded, and so is what its callers keep.
const MAX_WAITING: usize = 4096;

/// How many batches one sync may cover.
const MAX_GROUP: usize = 256;

/// A store in one file.
#[derive(Debug)]
pub struct EmbeddedStorage {
    requests: Option<mpsc::SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    identity: String,
}

type Answer<T> = oneshot::Sender<Result<T, StorageError>>;

#[derive(Debug)]
enum Request {
    Commit(Batch, Answer<()>),
    Get(Key, Answer<Option<Bytes>>),
    List(Space, Shard, Answer<Vec<(Key, Bytes)>>),
}

impl EmbeddedStorage {
    /// Opens the store at `path`, or makes it. This reads the whole file, to find out whether it is sound.
    ///
    /// # Errors
    /// The file is another program's, is damaged, is open elsewhere, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let file = File::open(path)?;
        let identity = file.identity().to_owned();
        let (requests, waiting) = mpsc::sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("registry".to_owned())
            .spawn(move || serve(file, &waiting))
            .map_err(|error| StorageError::Io {
                doing: "start the registry's thread".to_owned(),
                source: std::sync::Arc::new(error),
            })?;
        Ok(Self { requests: Some(requests), thread: Some(thread), identity })
    }

    fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        request: impl FnOnce(Answer<T>) -> Request,
    ) -> BoxFuture<'_, Result<T, StorageError>> {
        let (answer, answered) = oneshot::channel();
        // A full queue does not block the caller's thread: it is told that the store is slow to take requests.
        let sent = match &self.requests {
            Some(requests) => requests.try_send(request(answer)).map_err(|error| match error {
                mpsc::TrySendError::Full(_) => {
                    StorageError::Full { doing: doing.to_owned(), source: text("too many requests wait") }
                }
                mpsc::TrySendError::Disconnected(_) => ended(doing),
            }),
            None => Err(ended(doing)),
        };
        Box::pin(async move {
            sent?;
            answered.await.map_err(|_| ended(doing))?
        })
    }
}

impl Drop for EmbeddedStorage {
    /// Waits for what was sent, so that the file is closed when this returns.
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // The thread's own panic was its own report; here there is nobody to tell.
            let _ = thread.join();
        }
    }
}

impl Storage for EmbeddedStorage {
    fn identity(&self) -> BoxFuture<'_, Result<String, StorageError>> {
        let identity = self.identity.clone();
        Box::pin(async move { Ok(identity) })
    }

    /// The lock on the file is the fence.
    fn begin_term(&self, _: Fence) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async { Ok(()) })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>> {
        self.ask("write to the registry", |answer| Request::Commit(batch, answer))
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Bytes>, StorageError>> {
        self.ask("read the registry", |answer| Request::Get(key, answer))
    }

    fn list(&self, space: Space, shard: Shard) -> BoxFuture<'_, Result<Vec<(Key, Bytes)>, StorageError>> {
        self.ask("list the registry", |answer| Request::List(space, shard, answer))
    }
}

fn ended(doing: &str) -> StorageError {
    StorageError::Gone { doing: doing.to_owned(), source: text("the registry's thread ended") }
}

fn serve(mut file: File, waiting: &mpsc::Receiver<Request>) {
    let mut held = None;
    while let Some(request) = held.take().or_else(|| waiting.recv().ok()) {
        match request {
            Request::Commit(batch, answer) => {
                let (mut batches, mut answers) = (vec![batch], vec![answer]);
                while batches.len() < MAX_GROUP
                    && let Ok(next) = waiting.try_recv()
                {
                    match next {
                        Request::Commit(batch, answer) => {
                            batches.push(batch);
                            answers.push(answer);
                        }
                        read @ (Request::Get(..) | Request::List(..)) => {
                            held = Some(read);
                            break;
                        }
                    }
                }
                let committed = file.commit(batches);
                for answer in answers {
                    // Whoever does not wait any more need not know.
                    let _ = answer.send(committed.clone());
                }
            }
            Request::Get(key, answer) => drop(answer.send(file.get(&key))),
            Request::List(space, shard, answer) => drop(answer.send(file.list(space, shard))),
        }
    }
}

#[cfg(test)]
mod tests;
