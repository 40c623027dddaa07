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

/// Says something to etcd's JSON gateway, which knows more calls than our client.
fn administer(server: &Server, call: &str, body: &str) {
    use std::io::{Read as _, Write as _};
    let mut connection = std::net::TcpStream::connect(server.address()).unwrap();
    let length = body.len();
    let request = format!("POST /v3/auth/{call} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{call}: {answer}");
}

#[tokio::test]
async fn user_and_password_are_needed_where_etcd_wants_them() {
    let Some(server) = Server::etcd() else { return };
    for user in ["root", "ann"] {
        administer(&server, "user/add", &format!(r#"{{"name":"{user}","password":"secret"}}"#));
        administer(&server, "role/add", &format!(r#"{{"name":"{user}"}}"#));
        administer(&server, "user/grant", &format!(r#"{{"user":"{user}","role":"{user}"}}"#));
    }
    // From `/tepui` to `/tepuj`, in base64.
    let rights = r#"{"name":"ann","perm":{"permType":"READWRITE","key":"L3RlcHVp","range_end":"L3RlcHVq"}}"#;
    administer(&server, "role/grant", rights);
    administer(&server, "enable", "{}");
    let open = |user: &str, prefix: &str| -> Arc<dyn Storage> {
        let spec = Spec::parse(&format!("etcd://{user}{}/{prefix}", server.address())).unwrap();
        Arc::new(EtcdStorage::open(EtcdConfig { spec, timeout: Duration::from_secs(5) }).unwrap())
    };
    let ann = open("ann:secret@", "tepui");
    ann.begin_term(Fence::Alone).await.unwrap();
    ann.commit(batch(vec![put("a", "1")])).await.unwrap();
    assert_eq!(ann.get(key("a")).await.unwrap().unwrap(), "1");
    for (user, prefix) in [("", "tepui"), ("ann:wrong@", "tepui"), ("ann:secret@", "other")] {
        let refused = open(user, prefix).begin_term(Fence::Alone).await.unwrap_err();
        assert!(matches!(refused, StorageError::Refused { .. }), "{user} {prefix}: {refused:?}");
    }
}

#[tokio::test]
async fn tls_is_spoken_with_a_certificate_of_our_own() {
    let Some((server, options)) = Server::etcd_with_tls() else { return };
    let open = |options: &str| -> Arc<dyn Storage> {
        let spec = Spec::parse(&format!("etcd://{}/tepui{options}", server.address())).unwrap();
        Arc::new(EtcdStorage::open(EtcdConfig { spec, timeout: Duration::from_secs(5) }).unwrap())
    };
    let storage = open(&format!("?{options}"));
    let begun = async {
        while let Err(error) = storage.begin_term(Fence::Alone).await {
            assert!(error.is_ambiguous(), "{error:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), begun).await.unwrap();
    storage.commit(batch(vec![put("a", "1")])).await.unwrap();
    assert_eq!(storage.get(key("a")).await.unwrap().unwrap(), "1");
    // Without TLS, and without a certificate of our own.
    let ca_only = options.split('&').next().unwrap();
    for bad in [String::new(), format!("?{ca_only}")] {
        assert!(open(&bad).begin_term(Fence::Alone).await.is_err());
    }
}
