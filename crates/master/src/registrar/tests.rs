use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tepui_storage::{BoxFuture, Fence, Key, MAX_BATCH_OPERATIONS, MemoryStorage, Shard, Space};
use tepui_types::AgentId;

use super::*;

/// A store that fails when it is told to, and notes what it took.
#[derive(Debug, Default)]
struct FlakyStorage {
    failures: Mutex<VecDeque<StorageError>>,
    held: AtomicBool,
    sizes: Mutex<Vec<usize>>,
    rows: MemoryStorage,
}

impl Storage for FlakyStorage {
    fn identity(&self) -> BoxFuture<'_, Result<String, StorageError>> {
        self.rows.identity()
    }

    fn begin_term(&self, fence: Fence) -> BoxFuture<'_, Result<(), StorageError>> {
        self.rows.begin_term(fence)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async move {
            while self.held.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
            if let Some(failure) = self.failures.lock().unwrap().pop_front() {
                return Err(failure);
            }
            self.sizes.lock().unwrap().push(batch.len());
            self.rows.commit(batch).await
        })
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Bytes>, StorageError>> {
        self.rows.get(key)
    }

    fn list(&self, space: Space, shard: Shard) -> BoxFuture<'_, Result<Vec<(Key, Bytes)>, StorageError>> {
        self.rows.list(space, shard)
    }
}

fn start(give_up: Option<Duration>) -> (Arc<FlakyStorage>, Registrar, mpsc::Receiver<Report>) {
    let storage = Arc::new(FlakyStorage::default());
    storage.rows.begin_term_now(&Fence::Alone).unwrap();
    let metrics = Arc::new(RegistrarMetrics::default());
    let (registrar, reports) = Registrar::start(Arc::clone(&storage) as Arc<dyn Storage>, metrics, give_up);
    (storage, registrar, reports)
}

fn forget(registrar: &Registrar, id: u64) {
    registrar.store(StoreId(id), vec![RegistryWrite::RemoveAgent(AgentId::new(format!("S{id}")))]);
}

async fn stored(reports: &mut mpsc::Receiver<Report>, wanted: usize) -> Vec<u64> {
    let mut all = Vec::new();
    while all.len() < wanted {
        match reports.recv().await.unwrap() {
            Report::Stored(ids) => all.extend(ids.into_iter().map(|id| id.0)),
            Report::Deposed(reason) => panic!("{reason}"),
        }
    }
    all
}

#[tokio::test]
async fn what_waits_is_written_together_and_reported_in_order() {
    let (storage, registrar, mut reports) = start(None);
    storage.held.store(true, Ordering::Release);
    forget(&registrar, 0);
    tokio::task::yield_now().await;
    (1..200).for_each(|id| forget(&registrar, id));
    storage.held.store(false, Ordering::Release);
    assert_eq!(stored(&mut reports, 200).await, (0..200).collect::<Vec<_>>());
    let sizes = storage.sizes.lock().unwrap().clone();
    assert!(sizes.len() <= 9 && sizes.iter().all(|size| *size <= MAX_BATCH_OPERATIONS), "{sizes:?}");
}

#[tokio::test]
async fn one_store_of_many_writes_is_spread_over_batches() {
    let (storage, registrar, mut reports) = start(None);
    let many = (0..500).map(|at| RegistryWrite::RemoveAgent(AgentId::new(format!("S{at}")))).collect();
    registrar.store(StoreId(0), many);
    forget(&registrar, 1);
    assert_eq!(stored(&mut reports, 2).await, [0, 1]);
    assert_eq!(storage.sizes.lock().unwrap().iter().sum::<usize>(), 501 * 3);
}

#[tokio::test]
async fn a_write_that_fails_is_written_again_before_those_after_it() {
    let (storage, registrar, mut reports) = start(None);
    let slow = || StorageError::Slow { doing: "write".to_owned(), seconds: 1.0 };
    storage.failures.lock().unwrap().extend((0..3).map(|_| slow()));
    (0..3).for_each(|id| forget(&registrar, id));
    assert_eq!(stored(&mut reports, 3).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_fenced_write_ends_the_term() {
    let (storage, registrar, mut reports) = start(None);
    let fenced = StorageError::Fenced { doing: "write".to_owned(), reason: "another leads".to_owned() };
    storage.failures.lock().unwrap().push_back(fenced);
    (0..3).for_each(|id| forget(&registrar, id));
    let Some(Report::Deposed(reason)) = reports.recv().await else { panic!("not deposed") };
    assert!(reason.contains("another leads"));
    assert!(reports.recv().await.is_none());
    assert!(storage.sizes.lock().unwrap().is_empty(), "nothing is written after that");
}

#[tokio::test]
async fn another_master_may_try_when_this_one_cannot_write() {
    let (storage, registrar, mut reports) = start(Some(Duration::ZERO));
    let slow = StorageError::Slow { doing: "write".to_owned(), seconds: 1.0 };
    storage.failures.lock().unwrap().push_back(slow);
    forget(&registrar, 0);
    assert!(matches!(reports.recv().await, Some(Report::Deposed(_))));
}
