//! One writer for many: batches that wait are written together.
//!
//! A store across the network takes a round trip for each transaction, and its transactions must follow each other
//! (each compares what the one before it left). So while one is under way the others wait, and then go as one, as far
//! as the limits of a batch allow.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::text;
use crate::{Batch, BoxFuture, StorageError};

/// How many batches may wait before `commit` refuses more.
const MAX_WAITING: usize = 4096;

/// A store's own way to write one batch.
pub(crate) trait Writer: Send + 'static {
    /// Writes a batch.
    fn write(&mut self, batch: &Batch) -> impl Future<Output = Result<(), StorageError>> + Send;
}

type Waiting = (Batch, oneshot::Sender<Result<(), StorageError>>);

/// The queue before a writer.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    queue: mpsc::Sender<Waiting>,
    worker: JoinHandle<()>,
}

impl GroupCommit {
    /// Starts the writer's task.
    pub(crate) fn start(writer: impl Writer) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        Self { queue, worker: tokio::spawn(serve(writer, waiting)) }
    }

    /// Has a batch written. It has its place in the order when this returns, before the future is polled.
    pub(crate) fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), StorageError>> {
        let (answer, answered) = oneshot::channel();
        let doing = || "write to the registry".to_owned();
        let ended = move || StorageError::Gone { doing: doing(), source: text("the writer's task ended") };
        let queued = self.queue.try_send((batch, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                StorageError::Full { doing: doing(), source: text("too many batches wait") }
            }
            mpsc::error::TrySendError::Closed(_) => ended(),
        });
        Box::pin(async move {
            queued?;
            answered.await.map_err(|_| ended())?
        })
    }
}

/// The writer of the term that was begun last.
#[derive(Debug, Default)]
pub(crate) struct Term {
    group: Mutex<Option<GroupCommit>>,
}

impl Term {
    /// Ends the term.
    pub(crate) fn end(&self) {
        self.set(None);
    }

    /// Begins a term with this writer.
    pub(crate) fn begin(&self, writer: impl Writer) {
        self.set(Some(GroupCommit::start(writer)));
    }

    fn set(&self, group: Option<GroupCommit>) {
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = group;
    }

    /// Has a batch written, if a term was begun.
    pub(crate) fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), StorageError>> {
        match &*self.group.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(group) => group.commit(batch),
            None => Box::pin(async {
                Err(StorageError::Fenced {
                    doing: "write to the registry".to_owned(),
                    reason: "no term was begun".to_owned(),
                })
            }),
        }
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

async fn serve(mut writer: impl Writer, mut waiting: mpsc::Receiver<Waiting>) {
    let mut held: Option<Waiting> = None;
    loop {
        let Some((mut batch, first)) = (match held.take() {
            Some(held) => Some(held),
            None => waiting.recv().await,
        }) else {
            return;
        };
        let mut answers = vec![first];
        while let Ok((next, answer)) = waiting.try_recv() {
            // A batch that does not fit begins the next group, so the order stays.
            if batch.add(next.operations().to_vec()).is_err() {
                held = Some((next, answer));
                break;
            }
            answers.push(answer);
        }
        let written = writer.write(&batch).await;
        for answer in answers {
            // Whoever does not wait any more need not know.
            let _ = answer.send(written.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{Key, Operation, Space};

    struct Recorder(Arc<Mutex<Vec<usize>>>);

    impl Writer for Recorder {
        async fn write(&mut self, batch: &Batch) -> Result<(), StorageError> {
            self.0.lock().unwrap().push(batch.len());
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_waits_goes_together_within_the_limits() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let group = Arc::new(GroupCommit::start(Recorder(Arc::clone(&sizes))));
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..250 {
            let group = Arc::clone(&group);
            tasks.spawn(async move {
                let mut batch = Batch::new();
                let key = Key::new(Space::Agents, &at.to_string()).unwrap();
                batch.add(vec![Operation::Delete(key)]).unwrap();
                group.commit(batch).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let sizes = sizes.lock().unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 250);
        assert!(sizes.len() < 10 && sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    }
}
