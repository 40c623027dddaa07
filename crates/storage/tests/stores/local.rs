//! The stores without a server.

use std::process::{Command, Stdio};
use std::sync::Arc;

use tepui_storage::{EmbeddedStorage, Fence, MemoryStorage, Storage, StorageError};

use crate::contract::{self, batch, key, put};
use crate::server;

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let memory = MemoryStorage::new("m");
    memory.begin_term_now(&Fence::Alone).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(memory);
    contract::check(&storage).await;
    contract::admissions("memory", &storage, contract::how_many()).await;
}

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> =
        Arc::new(EmbeddedStorage::open(&folder.path().join("registry.redb")).unwrap());
    storage.begin_term(Fence::Alone).await.unwrap();
    contract::check(&storage).await;
    contract::admissions("embedded", &storage, contract::how_many()).await;
}

/// A small file system of its own, if we may make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        server::left_out("the right to mount a small disk");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The folder stays if this fails; the test has its result already.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_store_works_again_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 5_000_000]).unwrap();
    let path = disk.0.path().join("registry.redb");
    let storage = EmbeddedStorage::open(&path).unwrap();
    let mut written: u32 = 0;
    let full = loop {
        match storage.commit(batch(vec![put(&written.to_string(), vec![2; 100_000])])).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1000, "the disk was never full");
    };
    assert!(matches!(full, StorageError::Full { .. }) && full.is_retryable(), "{full:?}");
    assert!(written > 0);
    std::fs::remove_file(&ballast).unwrap();
    storage.commit(batch(vec![put("more", "x")])).await.unwrap();
    drop(storage);
    let storage = EmbeddedStorage::open(&path).unwrap();
    for at in 0..written {
        assert_eq!(storage.get(key(&at.to_string())).await.unwrap().unwrap().len(), 100_000);
    }
    assert_eq!(storage.get(key("more")).await.unwrap().unwrap(), "x");
}
