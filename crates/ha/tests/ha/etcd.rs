//! The group in a real etcd.

use std::time::Duration;

use tepui_ha::CandidacyState;
use tepui_storage::{EtcdConfig, EtcdStorage};

use crate::scenario::{self, contend, detect, master, until_leader, until_leading, until_state};
use crate::server::Server;

fn spec(server: &Server) -> String {
    // The first endpoint is dead: the client finds the other.
    format!("etcd://127.0.0.1:1,{}/tepui", server.address())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn succession() {
    let Some(server) = Server::etcd() else { return };
    let spec = spec(&server);
    let open = || {
        let spec = tepui_etcd::Spec::parse(&spec).unwrap();
        let config = EtcdConfig { spec, timeout: Duration::from_secs(5) };
        Box::new(EtcdStorage::open(config).unwrap()) as Box<dyn tepui_storage::Storage>
    };
    scenario::succession(&spec, open).await;
    scenario::registries_do_not_mix(&spec).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover() {
    let Some(server) = Server::etcd() else { return };
    scenario::failover(&spec(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_stop_and_restart() {
    let Some(mut server) = Server::etcd() else { return };
    let spec = spec(&server);
    scenario::servers_pause(&server, &spec).await;
    scenario::servers_restart(&mut server, &spec).await;
}

#[tokio::test]
async fn a_revoked_lease_ends_the_leadership() {
    let Some(server) = Server::etcd() else { return };
    let spec = spec(&server);
    let mut detection = detect(&spec);
    let mut candidacy = contend(&spec, 1, "r");
    let leadership = until_leading(&mut candidacy).await;
    until_leader(&mut detection, Some(master(1))).await;
    let client = tepui_etcd::Client::new(tepui_etcd::Config {
        spec: tepui_etcd::Spec::parse(&spec).unwrap(),
        timeout: Duration::from_secs(5),
    })
    .unwrap();
    client.delete_prefix("depose", b"/tepui/masters/").await.unwrap();
    until_state(&mut candidacy, "to lose", |state| matches!(state, CandidacyState::Lost { .. })).await;
    assert!(!leadership.lease.is_held());
    until_leader(&mut detection, None).await;
}
