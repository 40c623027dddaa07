//! What every store promises.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tepui_proto::internal::registry::{Slave, UnreachableSlave};
use tepui_proto::v1;
use tepui_storage::registry::{Change, batches, recover};
use tepui_storage::{Batch, Key, MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS, Operation, Shard, Space, Storage};

pub(crate) fn key(id: &str) -> Key {
    Key::new(Space::Agents, id).unwrap()
}

pub(crate) fn put(id: &str, value: impl Into<Bytes>) -> Operation {
    Operation::Put(key(id), value.into())
}

pub(crate) fn batch(operations: Vec<Operation>) -> Batch {
    let mut batch = Batch::new();
    batch.add(operations).unwrap();
    batch
}

/// Runs the contract against a store whose term has begun; what is in it stays.
pub(crate) async fn check(storage: &Arc<dyn Storage>) {
    puts_and_deletes(storage).await;
    hostile_names(storage).await;
    largest_batch(storage).await;
    order(storage).await;
    registry_rows(storage).await;
}

async fn puts_and_deletes(storage: &Arc<dyn Storage>) {
    assert_eq!(storage.get(key("none")).await.unwrap(), None);
    storage.commit(Batch::new()).await.unwrap();
    storage.commit(batch(vec![Operation::Delete(key("none"))])).await.unwrap();
    storage.commit(batch(vec![put("a", "1"), put("b", "1")])).await.unwrap();
    storage.commit(batch(vec![put("a", "2"), Operation::Delete(key("b")), put("c", "")])).await.unwrap();
    assert_eq!(storage.get(key("a")).await.unwrap().unwrap(), "2");
    assert_eq!(storage.get(key("b")).await.unwrap(), None);
    assert_eq!(storage.get(key("c")).await.unwrap().unwrap(), "");
    // One key more than once in a batch: the last counts.
    storage.commit(batch(vec![put("a", "3"), Operation::Delete(key("a")), put("a", "4")])).await.unwrap();
    storage.commit(batch(vec![put("c", "3"), Operation::Delete(key("c"))])).await.unwrap();
    assert_eq!(storage.get(key("a")).await.unwrap().unwrap(), "4");
    assert_eq!(storage.get(key("c")).await.unwrap(), None);
    storage.commit(batch(vec![Operation::Delete(key("a"))])).await.unwrap();
}

async fn hostile_names(storage: &Arc<dyn Storage>) {
    let names = ["a/b/../c", "..", ".", "%", "\u{e9} \0\n", "zookeeper", &"x".repeat(255)];
    let puts = names.iter().map(|name| put(name, name.to_string())).collect();
    storage.commit(batch(puts)).await.unwrap();
    let mut found = list(storage).await;
    found.sort();
    let mut wanted: Vec<(Key, Bytes)> =
        names.iter().map(|name| (key(name), Bytes::from(name.to_string()))).collect();
    wanted.sort();
    assert_eq!(found, wanted);
    storage.commit(batch(names.iter().map(|name| Operation::Delete(key(name))).collect())).await.unwrap();
    assert!(list(storage).await.is_empty());
}

async fn largest_batch(storage: &Arc<dyn Storage>) {
    let each = MAX_BATCH_BYTES / MAX_BATCH_OPERATIONS - 170;
    let many: Vec<Operation> =
        (0..MAX_BATCH_OPERATIONS).map(|at| put(&format!("m{at}"), vec![7; each])).collect();
    storage.commit(batch(many)).await.unwrap();
    let one = put("one", vec![7; MAX_BATCH_BYTES - 200]);
    storage.commit(batch(vec![one])).await.unwrap();
    assert_eq!(list(storage).await.len(), MAX_BATCH_OPERATIONS + 1);
    let deletes = (0..MAX_BATCH_OPERATIONS).map(|at| Operation::Delete(key(&format!("m{at}")))).collect();
    storage.commit(batch(deletes)).await.unwrap();
    storage.commit(batch(vec![Operation::Delete(key("one"))])).await.unwrap();
}

async fn order(storage: &Arc<dyn Storage>) {
    // Calls that are made in order take effect in order, though nobody waits in between.
    let commits: Vec<_> = (0..500)
        .map(|at| {
            let storage = Arc::clone(storage);
            async move { storage.commit(batch(vec![put("last", at.to_string())])).await }
        })
        .collect();
    let mut tasks = Vec::new();
    for commit in commits {
        tasks.push(tokio::spawn(commit));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(storage.get(key("last")).await.unwrap().is_some());
    storage.commit(batch(vec![Operation::Delete(key("last"))])).await.unwrap();
}

pub(crate) fn slave(id: &str) -> Slave {
    let info = v1::AgentInfo {
        id: Some(v1::AgentId { value: id.to_owned() }),
        hostname: format!("{id}.example.org"),
        ..Default::default()
    };
    Slave { info, ..Default::default() }
}

async fn registry_rows(storage: &Arc<dyn Storage>) {
    let admit: Vec<Change> = (0..300).map(|at| Change::AdmitAgent(slave(&format!("S{at:03}")))).collect();
    for batch in batches(&admit).unwrap() {
        storage.commit(batch).await.unwrap();
    }
    let unreachable = UnreachableSlave {
        id: v1::AgentId { value: "S007".to_owned() },
        timestamp: v1::TimeInfo { nanoseconds: 1 },
        ..Default::default()
    };
    for batch in batches(&[Change::MarkUnreachable(unreachable.clone())]).unwrap() {
        storage.commit(batch).await.unwrap();
    }
    let recovered = recover(storage).await.unwrap();
    assert_eq!((recovered.agents.len(), recovered.unreachable), (299, vec![unreachable]));
    assert_eq!(recovered.agents[8], slave("S009"));
}

async fn list(storage: &Arc<dyn Storage>) -> Vec<(Key, Bytes)> {
    let mut found = Vec::new();
    for shard in Shard::all() {
        found.extend(storage.list(Space::Agents, shard).await.unwrap());
    }
    found
}

/// Admits agents, many at a time, and says how fast it went.
#[expect(clippy::print_stdout, reason = "figures for whoever asks for them with --nocapture")]
pub(crate) async fn admissions(name: &str, storage: &Arc<dyn Storage>, agents: u32) {
    const AT_ONCE: usize = 256;
    let written_before = bytes_written();
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..agents {
        if tasks.len() == AT_ONCE {
            tasks.join_next().await.unwrap().unwrap();
        }
        let storage = Arc::clone(storage);
        tasks.spawn(async move {
            for batch in batches(&[Change::AdmitAgent(slave(&format!("admitted-{at}")))]).unwrap() {
                storage.commit(batch).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let recovered = recover(storage).await.unwrap().agents.len();
    println!(
        "{name}: {agents} admissions at {:.0}/s, {} bytes written by this process each, {recovered} agents recovered in {:.2} s",
        f64::from(agents) / seconds,
        (bytes_written() - written_before) / u64::from(agents),
        begun.elapsed().as_secs_f64(),
    );
}

/// What this process gave to files and sockets so far.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0)
}

/// How many agents the figures are taken with; set `TEPUI_ADMISSIONS` for more.
pub(crate) fn how_many() -> u32 {
    std::env::var("TEPUI_ADMISSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000)
}
