//! The store in a real ZooKeeper.

use std::sync::Arc;
use std::time::Duration;

use tepui_storage::{Fence, Storage, StorageError, ZooKeeperConfig, ZooKeeperStorage};
use zookeeper_client::{Acls, Client, CreateMode};

use crate::contract::{self, batch, key, put};
use crate::server::Server;

const NODE: &str = "/mesos/json.info_0000000001";

fn open(server: &Server, credentials: Option<&str>) -> Arc<dyn Storage> {
    Arc::new(ZooKeeperStorage::open(ZooKeeperConfig {
        servers: server.address(),
        path: "/mesos".to_owned(),
        credentials: credentials.map(str::to_owned),
        session_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(3),
    }))
}

async fn elect(server: &Server) -> (Client, Fence) {
    let client = Client::connect(&server.address()).await.unwrap();
    client.mkdir("/mesos", &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    client.create(NODE, b"{}", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).await.unwrap();
    (client, Fence::ZooKeeper { path: NODE.to_owned() })
}

#[tokio::test]
async fn zookeeper_keeps_the_contract() {
    let Some(server) = Server::zookeeper() else { return };
    let storage = open(&server, None);
    assert!(matches!(storage.commit(batch(vec![])).await, Err(StorageError::Fenced { .. })));
    let (_session, fence) = elect(&server).await;
    storage.begin_term(fence).await.unwrap();
    contract::check(&storage).await;
    contract::admissions("zookeeper", &storage, contract::how_many()).await;
}

#[tokio::test]
async fn a_deposed_writer_changes_nothing() {
    let Some(server) = Server::zookeeper() else { return };
    let (old, new) = (open(&server, None), open(&server, None));
    let (session, fence) = elect(&server).await;
    old.begin_term(fence).await.unwrap();
    old.commit(batch(vec![put("a", "old")])).await.unwrap();
    session.delete(NODE, None).await.unwrap();
    let refused = old.commit(batch(vec![put("a", "late"), put("b", "late")])).await.unwrap_err();
    assert!(matches!(refused, StorageError::Fenced { .. }), "{refused:?}");
    new.begin_term(Fence::Alone).await.unwrap();
    assert_eq!(new.get(key("a")).await.unwrap().unwrap(), "old");
    assert_eq!(new.get(key("b")).await.unwrap(), None);
}

#[tokio::test]
async fn credentials_keep_strangers_out() {
    let Some(server) = Server::zookeeper() else { return };
    let ours = open(&server, Some("ann:secret"));
    ours.begin_term(Fence::Alone).await.unwrap();
    ours.commit(batch(vec![put("a", "1")])).await.unwrap();
    let stranger = open(&server, None);
    // Anyone may read.
    assert_eq!(stranger.get(key("a")).await.unwrap().unwrap(), "1");
    stranger.begin_term(Fence::Alone).await.unwrap();
    let refused = stranger.commit(batch(vec![put("a", "2")])).await.unwrap_err();
    assert!(matches!(refused, StorageError::Refused { .. }), "{refused:?}");
    assert_eq!(ours.get(key("a")).await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn a_stopped_and_a_dead_server_are_survived() {
    let Some(mut server) = Server::zookeeper() else { return };
    let storage = open(&server, None);
    storage.begin_term(Fence::Alone).await.unwrap();
    storage.commit(batch(vec![put("a", "1")])).await.unwrap();

    server.pause();
    let slow = storage.commit(batch(vec![put("a", "2")])).await.unwrap_err();
    assert!(slow.is_ambiguous(), "{slow:?}");
    server.resume();
    until_written(&storage, "a", "2").await;

    server.kill();
    let gone = storage.commit(batch(vec![put("a", "3")])).await.unwrap_err();
    assert!(gone.is_ambiguous(), "{gone:?}");
    server.start();
    until_written(&storage, "a", "3").await;
}

async fn until_written(storage: &Arc<dyn Storage>, id: &str, value: &str) {
    let write = async {
        while let Err(error) = storage.commit(batch(vec![put(id, value.to_owned())])).await {
            assert!(error.is_ambiguous(), "{error:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(45), write).await.unwrap();
    assert_eq!(storage.get(key(id)).await.unwrap().unwrap(), value);
}
