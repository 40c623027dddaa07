//! The group in a real ZooKeeper.

use std::time::Duration;

use prost::Message as _;
use tepui_ha::{CandidacyState, from_json, to_json};
use tepui_storage::{ZooKeeperConfig, ZooKeeperStorage};
use zookeeper_client::{Acls, Client, CreateMode};

use crate::scenario::{
    self, SESSION_TIMEOUT, contend, detect, master, until_leader, until_leading, until_standing, until_state,
};
use crate::server::Server;

fn spec(server: &Server) -> String {
    format!("zk://{}/a/mesos", server.address())
}

async fn client(server: &Server) -> Client {
    let connector = Client::connector().with_session_timeout(Duration::from_secs(10));
    connector.connect(&server.address()).await.unwrap()
}

async fn create(client: &Client, path: &str, content: &[u8], mode: CreateMode) -> String {
    let (_, sequence) = client.create(path, content, &mode.with_acls(Acls::anyone_all())).await.unwrap();
    format!("{path}{sequence}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn succession() {
    let Some(server) = Server::zookeeper() else { return };
    let open = || {
        let config = ZooKeeperConfig {
            servers: server.address(),
            path: "/a/mesos".to_owned(),
            credentials: None,
            session_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        };
        Box::new(ZooKeeperStorage::open(config)) as Box<dyn tepui_storage::Storage>
    };
    scenario::succession(&spec(&server), open).await;
    scenario::registries_do_not_mix(&spec(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover() {
    let Some(server) = Server::zookeeper() else { return };
    scenario::failover(&spec(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_stop_and_restart() {
    let Some(mut server) = Server::zookeeper() else { return };
    let spec = spec(&server);
    scenario::servers_pause(&server, &spec).await;
    scenario::servers_restart(&mut server, &spec).await;
}

#[tokio::test]
async fn the_election_nodes_are_those_of_mesos() {
    let Some(server) = Server::zookeeper() else { return };
    let mut first = contend(&spec(&server), 1, "r");
    until_leading(&mut first).await;
    let mut second = contend(&spec(&server), 2, "r");
    until_standing(&mut second).await;
    let client = client(&server).await;
    let mut children = client.list_children("/a/mesos").await.unwrap();
    children.sort();
    assert_eq!(children[..2], ["json.info_0000000001", "json.info_0000000002"].map(str::to_owned));
    assert_eq!(children[2..], ["tepui".to_owned()]);
    let (content, stat) = client.get_data("/a/mesos/json.info_0000000001").await.unwrap();
    assert_eq!(content, to_json(&master(1)));
    assert!(stat.ephemeral_owner != 0 && stat.version == 0);
    // What is none of the election's does not disturb it.
    create(&client, "/a/mesos/log_replicas", b"", CreateMode::Persistent).await;
    create(&client, "/a/mesos/whatever", b"", CreateMode::Persistent).await;
    let mut detection = detect(&spec(&server));
    until_leader(&mut detection, Some(master(1))).await;
    // An operator removes the leader's node.
    client.delete("/a/mesos/json.info_0000000001", None).await.unwrap();
    until_state(&mut first, "to lose", |state| matches!(state, CandidacyState::Lost { .. })).await;
    until_leading(&mut second).await;
    until_leader(&mut detection, Some(master(2))).await;
}

#[tokio::test]
async fn a_mesos_master_in_the_group_is_waited_out() {
    let Some(server) = Server::zookeeper() else { return };
    let client = client(&server).await;
    client.mkdir("/a/mesos", &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    let mesos = to_json(&master(5050));
    let node = create(&client, "/a/mesos/json.info_", &mesos, CreateMode::EphemeralSequential).await;
    let mut candidacy = contend(&spec(&server), 1, "r");
    let refused = |state: &CandidacyState| matches!(state, CandidacyState::Refused { .. });
    let CandidacyState::Refused { foreign } = until_state(&mut candidacy, "to be refused", refused).await
    else {
        unreachable!()
    };
    assert_eq!(foreign, ["master@127.0.0.1:5050"]);
    client.delete(&node, None).await.unwrap();
    let leadership = until_leading(&mut candidacy).await;

    // It comes back, behind the leader, who goes on; but one that only stands steps aside.
    let mut second = contend(&spec(&server), 2, "r");
    until_standing(&mut second).await;
    let node = create(&client, "/a/mesos/json.info_", &mesos, CreateMode::EphemeralSequential).await;
    until_state(&mut second, "to step aside", refused).await;
    assert!(leadership.lease.is_held() && matches!(candidacy.state(), CandidacyState::Leading(_)));
    client.delete(&node, None).await.unwrap();
    until_standing(&mut second).await;
}

#[tokio::test]
async fn older_forms_of_members_are_read_and_garbage_is_no_leader() {
    let Some(server) = Server::zookeeper() else { return };
    let client = client(&server).await;
    client.mkdir("/a/mesos", &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    let mut detection = detect(&spec(&server));
    let garbage = create(&client, "/a/mesos/json.info_", b"{", CreateMode::EphemeralSequential).await;
    let binary = master(2).encode_to_vec();
    let binary = create(&client, "/a/mesos/info_", &binary, CreateMode::EphemeralSequential).await;
    let oldest = create(&client, "/a/mesos/", b"master@127.0.0.1:3", CreateMode::EphemeralSequential).await;
    let json =
        create(&client, "/a/mesos/json.info_", &to_json(&master(4)), CreateMode::EphemeralSequential).await;
    assert_eq!(detection.leader(), None);
    for (node, next) in [(garbage, Some(2)), (binary, Some(3)), (oldest, Some(4)), (json, None)] {
        client.delete(&node, None).await.unwrap();
        until_leader(&mut detection, next.map(master)).await;
    }
}

#[tokio::test]
async fn credentials_protect_the_election() {
    let Some(server) = Server::zookeeper() else { return };
    let spec = format!("zk://ann:secret@{}/secured/mesos", server.address());
    let mut candidacy = contend(&spec, 1, "r");
    until_leading(&mut candidacy).await;
    let stranger = client(&server).await;
    // Anyone may look, and do nothing else.
    let (content, _) = stranger.get_data("/secured/mesos/json.info_0000000001").await.unwrap();
    assert_eq!(from_json(&content).unwrap(), master(1));
    let refused = stranger.delete("/secured/mesos/json.info_0000000001", None).await;
    assert_eq!(refused.unwrap_err(), zookeeper_client::Error::NoAuth);
    let mut detection = detect(&format!("zk://{}/secured/mesos", server.address()));
    until_leader(&mut detection, Some(master(1))).await;
    let mut other = contend(&format!("zk://bob:wrong@{}/secured/mesos", server.address()), 2, "r");
    let failed = |state: &CandidacyState| matches!(state, CandidacyState::Joining { failure: Some(_) });
    until_state(&mut other, "to be kept out", failed).await;
}

#[tokio::test]
async fn a_group_that_cannot_be_reached_is_joined_when_it_can() {
    let Some(mut server) = Server::zookeeper() else { return };
    server.kill();
    let mut candidacy = contend(&spec(&server), 1, "r");
    let mut detection = detect(&spec(&server));
    let failed = |state: &CandidacyState| matches!(state, CandidacyState::Joining { failure: Some(_) });
    until_state(&mut candidacy, "to fail", failed).await;
    server.start();
    until_leading(&mut candidacy).await;
    until_leader(&mut detection, Some(master(1))).await;
    assert!(SESSION_TIMEOUT >= Duration::from_secs(1));
}
