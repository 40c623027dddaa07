//! The store in a real etcd.

use std::sync::Arc;
use std::time::Duration;

use tepui_etcd::{Client, Config, Spec, Txn};
use tepui_storage::{EtcdConfig, EtcdStorage, Fence, Storage, StorageError};

use crate::contract::{self, batch, key, put};
use crate::server::Server;

fn spec(server: &Server) -> Spec {
    Spec::parse(&format!("etcd://{}/tepui", server.address())).unwrap()
}

fn open(server: &Server, timeout: Duration) -> Arc<dyn Storage> {
    Arc::new(EtcdStorage::open(EtcdConfig { spec: spec(server), timeout }).unwrap())
}

fn client(server: &Server) -> Client {
    Client::new(Config { spec: spec(server), timeout: Duration::from_secs(5) }).unwrap()
}

async fn elect(client: &Client, key: &str) -> Fence {
    let answer = client.txn("elect", Txn::new().when_created_at(key, 0).put(key, "x", 0)).await.unwrap();
    assert!(answer.succeeded);
    Fence::Etcd { key: key.into(), create_revision: answer.header.unwrap().revision }
}

#[tokio::test]
async fn etcd_keeps_the_contract() {
    let Some(server) = Server::etcd() else { return };
    let storage = open(&server, Duration::from_secs(10));
    assert!(storage.identity().await.unwrap().ends_with(":/tepui"));
    assert!(matches!(storage.commit(batch(vec![])).await, Err(StorageError::Fenced { .. })));
    storage.begin_term(elect(&client(&server), "/tepui/masters/1").await).await.unwrap();
    contract::check(&storage).await;
    contract::admissions("etcd", &storage, contract::how_many()).await;
}

#[tokio::test]
async fn a_deposed_writer_changes_nothing() {
    let Some(server) = Server::etcd() else { return };
    let etcd = client(&server);
    let (old, new) = (open(&server, Duration::from_secs(5)), open(&server, Duration::from_secs(5)));
    old.begin_term(elect(&etcd, "/tepui/masters/1").await).await.unwrap();
    old.commit(batch(vec![put("a", "old")])).await.unwrap();

    // Its key is gone, and nobody else has written.
    etcd.txn("depose", Txn::new().delete("/tepui/masters/1")).await.unwrap();
    let refused = old.commit(batch(vec![put("a", "late"), put("b", "late")])).await.unwrap_err();
    assert!(matches!(refused, StorageError::Fenced { .. }), "{refused:?}");

    // Its key was made again by another: the revision tells them apart.
    new.begin_term(elect(&etcd, "/tepui/masters/1").await).await.unwrap();
    assert!(matches!(old.commit(batch(vec![put("a", "late")])).await, Err(StorageError::Fenced { .. })));
    assert_eq!(new.get(key("a")).await.unwrap().unwrap(), "old");
    assert_eq!(new.get(key("b")).await.unwrap(), None);
    new.commit(batch(vec![put("a", "new")])).await.unwrap();
    assert_eq!(old.get(key("a")).await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn two_masters_that_are_each_alone_see_each_other() {
    let Some(server) = Server::etcd() else { return };
    let (first, second) = (open(&server, Duration::from_secs(5)), open(&server, Duration::from_secs(5)));
    first.begin_term(Fence::Alone).await.unwrap();
    first.commit(batch(vec![put("a", "1")])).await.unwrap();
    second.begin_term(Fence::Alone).await.unwrap();
    second.commit(batch(vec![put("a", "2")])).await.unwrap();
    assert!(matches!(first.commit(batch(vec![put("a", "3")])).await, Err(StorageError::Fenced { .. })));
    assert_eq!(second.get(key("a")).await.unwrap().unwrap(), "2");
}

#[tokio::test]
async fn a_stopped_and_a_dead_server_are_told_apart_and_a_write_can_be_made_again() {
    let Some(mut server) = Server::etcd() else { return };
    let storage = open(&server, Duration::from_millis(1500));
    storage.begin_term(elect(&client(&server), "/tepui/masters/1").await).await.unwrap();
    storage.commit(batch(vec![put("a", "1")])).await.unwrap();

    server.pause();
    let slow = storage.commit(batch(vec![put("a", "2")])).await.unwrap_err();
    assert!(matches!(slow, StorageError::Slow { .. }) && slow.is_ambiguous(), "{slow:?}");
    server.resume();
    // Whether the first attempt took effect or not, the second does, and later batches follow it.
    until_written(&storage, "a", "2").await;
    until_written(&storage, "a", "3").await;

    server.kill();
    let gone = storage.commit(batch(vec![put("a", "4")])).await.unwrap_err();
    assert!(matches!(gone, StorageError::Gone { .. }) && gone.is_ambiguous(), "{gone:?}");
    server.start();
    assert_eq!(storage.get(key("a")).await.unwrap().unwrap(), "3");
    until_written(&storage, "a", "4").await;
}

async fn until_written(storage: &Arc<dyn Storage>, id: &str, value: &str) {
    let write = async {
        while let Err(error) = storage.commit(batch(vec![put(id, value.to_owned())])).await {
            assert!(error.is_ambiguous(), "{error:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(30), write).await.unwrap();
    assert_eq!(storage.get(key(id)).await.unwrap().unwrap(), value);
}
