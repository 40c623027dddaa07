use std::sync::Arc;

use super::*;
use crate::Operation;

fn key(id: &str) -> Key {
    Key::new(Space::Agents, id).unwrap()
}

fn put(id: &str, value: &str) -> Batch {
    let mut batch = Batch::new();
    batch.add(vec![Operation::Put(key(id), Bytes::from(value.to_owned()))]).unwrap();
    batch
}

#[tokio::test]
async fn what_was_committed_is_there_after_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.redb");
    let identity = {
        let storage = Arc::new(EmbeddedStorage::open(&path).unwrap());
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..300 {
            let storage = Arc::clone(&storage);
            tasks.spawn(async move { storage.commit(put(&at.to_string(), "x")).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let mut delete = Batch::new();
        delete.add(vec![Operation::Delete(key("0"))]).unwrap();
        storage.commit(delete).await.unwrap();
        storage.identity().await.unwrap()
    };
    let storage = EmbeddedStorage::open(&path).unwrap();
    assert_eq!(storage.identity().await.unwrap(), identity);
    let mut found = 0;
    for shard in Shard::all() {
        found += storage.list(Space::Agents, shard).await.unwrap().len();
    }
    assert_eq!(found, 299);
    assert_eq!(storage.get(key("1")).await.unwrap().unwrap(), "x");
    assert_eq!(storage.get(key("0")).await.unwrap(), None);
}

#[test]
fn a_file_that_is_open_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.redb");
    let _storage = EmbeddedStorage::open(&path).unwrap();
    let error = EmbeddedStorage::open(&path).unwrap_err();
    assert!(matches!(error, StorageError::InUse { .. }), "{error:?}");
}

#[test]
fn a_foreign_an_empty_and_a_cut_file_are_garbage_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.redb");
    drop(EmbeddedStorage::open(&path).unwrap());
    let whole = std::fs::read(&path).unwrap();
    let other = folder.path().join("other");
    {
        let database = redb::Database::create(&other).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(redb::TableDefinition::<u64, u64>::new("numbers")).unwrap();
        transaction.commit().unwrap();
    }
    let foreign = std::fs::read(&other).unwrap();
    let cut = &whole[..whole.len() / 2];
    for (name, content) in [
        ("text", &b"hello, world\n"[..]),
        ("empty", b""),
        ("long", &[7; 10_000]),
        ("foreign", &foreign),
        ("cut", cut),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = EmbeddedStorage::open(&path).unwrap_err();
        assert!(matches!(error, StorageError::Garbage { .. }), "{name}: {error:?}");
        if name != "foreign" {
            assert_eq!(std::fs::read(&path).unwrap(), content, "{name}");
        }
    }
}

#[test]
fn flipped_bytes_give_an_error_or_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.redb");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    {
        let storage = EmbeddedStorage::open(&path).unwrap();
        for at in 0..100 {
            runtime.block_on(storage.commit(put(&at.to_string(), &"y".repeat(1000)))).unwrap();
        }
    }
    let whole = std::fs::read(&path).unwrap();
    let mut garbage = 0;
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut content = whole.clone();
        for byte in content.iter_mut().skip(at).take(64) {
            *byte ^= 0xa5;
        }
        std::fs::write(&path, &content).unwrap();
        match EmbeddedStorage::open(&path) {
            Ok(storage) => {
                for at in 0..100 {
                    let value = runtime.block_on(storage.get(key(&at.to_string()))).unwrap().unwrap();
                    assert_eq!(value, "y".repeat(1000));
                }
            }
            Err(error) => {
                assert!(matches!(error, StorageError::Garbage { .. }), "{at}: {error:?}");
                garbage += 1;
            }
        }
    }
    assert!(garbage > 0);
}

#[test]
fn a_kill_while_the_file_is_made_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.redb");
    std::fs::write(folder.path().join("registry.redb.new"), b"half of a fi").unwrap();
    EmbeddedStorage::open(&path).unwrap();
}
