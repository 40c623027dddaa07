//! The embedded store is killed at random moments: every acknowledged write is there, and none is there by half.
//!
//! `TEPUI_KILLS=100 cargo test -p tepui-storage --test kill` does it more often.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tepui_storage::{Batch, EmbeddedStorage, Fence, Key, Operation, Space, Storage};

/// Names the file to the process that writes, and the number of its first write.
const FILE: &str = "TEPUI_KILL_FILE";
const FIRST: &str = "TEPUI_KILL_FIRST";

/// How many writes each process makes if it lives.
const WRITES: u64 = 10_000;

/// The rows of one write.
const PARTS: [&str; 3] = ["a", "b", "c"];

fn key(part: &str, number: u64) -> Key {
    Key::new(Space::Agents, &format!("{part}-{number}")).unwrap()
}

fn open(path: &Path) -> Arc<dyn Storage> {
    Arc::new(EmbeddedStorage::open(path).unwrap())
}

/// Not a test of its own: the process that is killed. It says each write that was acknowledged.
#[test]
fn writer_process() {
    let Ok(file) = std::env::var(FILE) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let storage = open(Path::new(&file));
        storage.begin_term(Fence::Alone).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in first..first + WRITES {
            if tasks.len() == 16 {
                tasks.join_next().await.unwrap().unwrap();
            }
            let storage = Arc::clone(&storage);
            tasks.spawn(async move {
                let mut batch = Batch::new();
                let value = Bytes::from(format!("{number}:{}", "x".repeat((number % 900) as usize)));
                let puts = PARTS.map(|part| Operation::Put(key(part, number), value.clone()));
                batch.add(puts.to_vec()).unwrap();
                storage.commit(batch).await.unwrap();
                // One write to the pipe: a line is there whole or not at all.
                std::io::stdout().write_all(format!("acknowledged {number}\n").as_bytes()).unwrap();
                std::io::stdout().flush().unwrap();
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
}

#[test]
fn every_acknowledged_write_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.redb");
    drop(open(&path));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kills = std::env::var("TEPUI_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut acknowledged: Vec<u64> = Vec::new();
    let (mut first, mut beyond) = (0, 0);
    for _ in 0..kills {
        let fresh = write_and_kill(&path, first);
        let last = fresh.iter().max().map_or(first, |last| last + 1);
        acknowledged.extend(fresh);
        let storage = open(&path);
        for number in &acknowledged {
            for part in PARTS {
                let value = runtime.block_on(storage.get(key(part, *number))).unwrap();
                let value = value.unwrap_or_else(|| panic!("write {number} was acknowledged and is lost"));
                assert!(value.starts_with(format!("{number}:").as_bytes()));
            }
        }
        // What was not acknowledged is there whole or not at all.
        for number in first..last + 32 {
            let there = PARTS.map(|part| runtime.block_on(storage.get(key(part, number))).unwrap().is_some());
            assert!(there == [true; 3] || there == [false; 3], "write {number} is there by half: {there:?}");
            beyond += u64::from(there[0] && !acknowledged.contains(&number));
        }
        first = last + 32;
    }
    println!(
        "{kills} kills: {} writes acknowledged, all there; {beyond} more were there",
        acknowledged.len()
    );
}

/// Starts a writer, kills it at a random moment, and gives the numbers that it acknowledged.
fn write_and_kill(path: &Path, first: u64) -> Vec<u64> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_process", "--nocapture"])
        .env(FILE, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let number = |line: std::io::Result<String>| -> Option<u64> {
        // The harness says things on the same line as the first of ours.
        let line = line.ok()?;
        line.split_once("acknowledged ")?.1.parse().ok()
    };
    // Some are killed before their first write, some after it.
    let mut acknowledged = Vec::new();
    for _ in 0..fastrand::u32(0..3) {
        acknowledged.extend(lines.by_ref().find_map(number));
    }
    std::thread::sleep(Duration::from_micros(fastrand::u64(0..150_000)));
    writer.kill().unwrap();
    writer.wait().unwrap();
    acknowledged.extend(lines.filter_map(number));
    acknowledged
}
