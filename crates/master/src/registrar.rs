//! The registrar: makes the core's writes durable, in their order.
//!
//! One batch is on its way at a time, and what the core writes meanwhile goes together in the next: a write costs a
//! fraction of a round trip when there are many. A batch that fails is written again, with growing pauses, until it
//! takes: the core's answers wait for it, everything else goes on. Only a store that says that this master does not lead
//! any more ends that, and the master's term with it.
//!
//! The core bounds how many writes wait here: it turns agents away when too many wait for the registry.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tepui_master_core::{RegistryWrite, StoreId};
use tepui_storage::{Batch, Operation, Storage, StorageError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::registrar_metrics::RegistrarMetrics;
use crate::registry::change;

/// The pauses between attempts to write.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many reports may wait for the reactor; the registrar waits with them.
const MAX_REPORTS: usize = 64;

/// What the registrar tells the reactor.
#[derive(Debug)]
pub(crate) enum Report {
    /// These writes are durable, in this order.
    Stored(Vec<StoreId>),
    /// This master may not write any more, and why.
    Deposed(String),
}

/// The queue before the store.
#[derive(Debug)]
pub(crate) struct Registrar {
    jobs: mpsc::UnboundedSender<Job>,
    worker: JoinHandle<()>,
    metrics: Arc<RegistrarMetrics>,
}

/// A batch of the core: each of its groups is atomic.
#[derive(Debug)]
struct Job {
    id: StoreId,
    groups: VecDeque<Vec<Operation>>,
}

impl Registrar {
    /// Starts to write to a store whose term has begun. After `give_up` without success it lets another master try.
    pub(crate) fn start(
        storage: Arc<dyn Storage>,
        metrics: Arc<RegistrarMetrics>,
        give_up: Option<Duration>,
    ) -> (Self, mpsc::Receiver<Report>) {
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (reports, reported) = mpsc::channel(MAX_REPORTS);
        let worker = Worker { storage, metrics: Arc::clone(&metrics), give_up };
        let worker = tokio::spawn(worker.run(waiting, reports));
        (Self { jobs, worker, metrics }, reported)
    }

    /// Queues writes.
    pub(crate) fn store(&self, id: StoreId, writes: Vec<RegistryWrite>) {
        let groups = writes.into_iter().filter_map(|write| {
            let change = change(write);
            // The core checks ids and sizes before it writes; what is wrong all the same must not stop the rest.
            let operations = change.operations();
            operations.inspect_err(|error| error!(?change, %error, "a row cannot be written")).ok()
        });
        self.metrics.queued(1);
        // An error means that the worker has reported why it ended.
        drop(self.jobs.send(Job { id, groups: groups.collect() }));
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

struct Worker {
    storage: Arc<dyn Storage>,
    metrics: Arc<RegistrarMetrics>,
    give_up: Option<Duration>,
}

impl Worker {
    async fn run(self, mut waiting: mpsc::UnboundedReceiver<Job>, reports: mpsc::Sender<Report>) {
        let mut queue = VecDeque::new();
        loop {
            if queue.is_empty() {
                match waiting.recv().await {
                    Some(job) => queue.push_back(job),
                    None => return,
                }
            }
            while let Ok(job) = waiting.try_recv() {
                queue.push_back(job);
            }
            let (batch, stored) = fill(&mut queue);
            if let Err(reason) = self.commit(batch).await {
                drop(reports.send(Report::Deposed(reason)).await);
                return;
            }
            self.metrics.stored(stored.len());
            if !stored.is_empty() && reports.send(Report::Stored(stored)).await.is_err() {
                return;
            }
        }
    }

    /// Writes a batch until that succeeds; else says why this master's term is over.
    async fn commit(&self, batch: Batch) -> Result<(), String> {
        if batch.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match self.storage.commit(batch.clone()).await {
                Ok(()) => {
                    self.metrics.store_took(begun.elapsed());
                    if pause > FIRST_PAUSE {
                        info!("the registry takes writes again");
                    }
                    return Ok(());
                }
                Err(error @ StorageError::Fenced { .. }) => return Err(error.to_string()),
                Err(failure) => failure,
            };
            if failure.is_retryable() {
                warn!(error = chain(&failure), "the registry cannot be written; trying again");
            } else {
                error!(error = chain(&failure), "the registry refuses a write; trying again");
            }
            if self.give_up.is_some_and(|after| begun.elapsed() > after) {
                return Err(format!("the registry could not be written: {}", chain(&failure)));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Takes as much as fits one batch. A job stays whole if it fits one; else its groups go one after the other.
fn fill(queue: &mut VecDeque<Job>) -> (Batch, Vec<StoreId>) {
    let mut batch = Batch::new();
    let mut stored = Vec::new();
    while let Some(job) = queue.front_mut() {
        let whole: Vec<Operation> = job.groups.iter().flatten().cloned().collect();
        if batch.add(whole).is_err() {
            if !batch.is_empty() {
                break;
            }
            while let Some(group) = job.groups.pop_front() {
                if let Err(full) = batch.add(group.clone()) {
                    if batch.is_empty() {
                        error!(%full, "a row cannot be written");
                        continue;
                    }
                    job.groups.push_front(group);
                    return (batch, stored);
                }
            }
        }
        stored.push(job.id);
        queue.pop_front();
    }
    (batch, stored)
}

/// An error with what caused it, for one line of the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
