use super::*;
use crate::{Fence, MAX_BATCH_OPERATIONS, MemoryStorage};

fn slave(id: &str) -> Slave {
    let id = Some(v1::AgentId { value: id.to_owned() });
    Slave { info: v1::AgentInfo { id, hostname: "h".to_owned(), ..Default::default() }, ..Default::default() }
}

fn agent_id(id: &str) -> v1::AgentId {
    v1::AgentId { value: id.to_owned() }
}

fn memory() -> Arc<dyn Storage> {
    let memory = MemoryStorage::new("m");
    memory.begin_term_now(&Fence::Alone).unwrap();
    Arc::new(memory)
}

async fn apply(storage: &Arc<dyn Storage>, changes: &[Change]) -> Recovered {
    for batch in batches(changes).unwrap() {
        storage.commit(batch).await.unwrap();
    }
    recover(storage).await.unwrap()
}

#[tokio::test]
async fn an_agent_is_in_one_place_at_a_time() {
    let storage = memory();
    let at = |nanoseconds| v1::TimeInfo { nanoseconds };
    let recovered =
        apply(&storage, &[Change::AdmitAgent(slave("S0")), Change::AdmitAgent(slave("S1"))]).await;
    assert_eq!(recovered.agents, [slave("S0"), slave("S1")]);

    let unreachable = UnreachableSlave { id: agent_id("S0"), timestamp: at(7), ..Default::default() };
    let recovered = apply(&storage, &[Change::MarkUnreachable(unreachable.clone())]).await;
    assert_eq!((recovered.agents, recovered.unreachable), (vec![slave("S1")], vec![unreachable.clone()]));

    let recovered = apply(&storage, &[Change::MarkReachable(slave("S0"))]).await;
    assert_eq!((recovered.agents.len(), recovered.unreachable.len()), (2, 0));

    let gone = GoneSlave { id: agent_id("S0"), timestamp: at(9) };
    let recovered =
        apply(&storage, &[Change::MarkUnreachable(unreachable), Change::MarkGone(gone.clone())]).await;
    assert_eq!((recovered.agents.len(), recovered.unreachable.len(), recovered.gone), (1, 0, vec![gone]));

    let recovered =
        apply(&storage, &[Change::ForgetAgent(agent_id("S0")), Change::ForgetAgent(agent_id("S1"))]).await;
    assert_eq!(recovered, Recovered::default());
}

#[tokio::test]
async fn removed_frameworks_are_remembered() {
    let storage = memory();
    let framework = |id: &str, nanoseconds| RemovedFramework {
        id: Some(v1::FrameworkId { value: id.to_owned() }),
        timestamp: Some(v1::TimeInfo { nanoseconds }),
    };
    let changes = [Change::RemoveFramework(framework("b", 1)), Change::RemoveFramework(framework("a", 2))];
    assert_eq!(apply(&storage, &changes).await.frameworks, [framework("b", 1), framework("a", 2)]);
    let forget = Change::ForgetFramework(v1::FrameworkId { value: "b".to_owned() });
    assert_eq!(apply(&storage, &[forget]).await.frameworks, [framework("a", 2)]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let storage = memory();
    let mut batch = Batch::new();
    let key = Key::new(Space::Agents, "S0").unwrap();
    batch.add(vec![Operation::Put(key.clone(), Bytes::from_static(b"\xff\xff"))]).unwrap();
    storage.commit(batch).await.unwrap();
    let error = recover(&storage).await.unwrap_err();
    assert!(matches!(&error, StorageError::Garbage { place, .. } if *place == key.path()), "{error:?}");
    assert!(!error.is_retryable());
}

#[test]
fn changes_are_never_torn_between_batches() {
    let changes: Vec<Change> = (0..101).map(|at| Change::ForgetAgent(agent_id(&at.to_string()))).collect();
    let batches = batches(&changes).unwrap();
    // Three operations each: 33 changes fit into a batch of 100.
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [99, 99, 99, 6]);
    assert!(batches.iter().all(|batch| batch.len() <= MAX_BATCH_OPERATIONS));
}

#[test]
fn a_change_without_a_name_or_too_large_is_refused() {
    assert!(matches!(batches(&[Change::AdmitAgent(Slave::default())]), Err(ChangeError::Key(_))));
    let mut huge = slave("S0");
    huge.info.hostname = "h".repeat(1_000_000);
    assert!(matches!(batches(&[Change::AdmitAgent(huge)]), Err(ChangeError::TooLarge(_))));
}

#[tokio::test]
async fn a_deposed_writer_of_the_memory_store_is_fenced() {
    let first = MemoryStorage::new("m");
    first.begin_term_now(&Fence::Epoch(1)).unwrap();
    let second = first.another_writer();
    assert!(second.commit_now(Batch::new()).is_err());
    second.begin_term_now(&Fence::Epoch(2)).unwrap();
    let batch = batches(&[Change::AdmitAgent(slave("S0"))]).unwrap().remove(0);
    assert!(matches!(first.commit_now(batch.clone()), Err(StorageError::Fenced { .. })));
    second.commit_now(batch).unwrap();
    assert!(first.begin_term_now(&Fence::Epoch(1)).is_err());
}
