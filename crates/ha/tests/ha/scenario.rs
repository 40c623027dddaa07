//! What an election must show, whatever group it is in.

use std::time::Duration;

use tepui_ha::{
    Candidacy, CandidacyState, Candidate, Contender, Detection, Detector, Fence, Leadership, Spec, from_pid,
};
use tepui_proto::v1::MasterInfo;
use tepui_storage::{Batch, Key, Operation, Space, Storage, StorageError};

use crate::process::ContenderProcess;
use crate::server::Server;

/// Short, so that the tests are; the servers allow no less.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(2);

/// How long anything may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

pub(crate) fn master(port: u16) -> MasterInfo {
    from_pid(&format!("master@127.0.0.1:{port}")).unwrap()
}

pub(crate) fn contend(spec: &str, port: u16, registry: &str) -> Candidacy {
    let candidate = Candidate { info: master(port), registry: registry.to_owned() };
    Contender::new(Spec::parse(spec).unwrap(), SESSION_TIMEOUT).unwrap().contend(candidate)
}

pub(crate) fn detect(spec: &str) -> Detection {
    Detector::new(Spec::parse(spec).unwrap(), SESSION_TIMEOUT).detect()
}

pub(crate) async fn until<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

pub(crate) async fn until_state(
    candidacy: &mut Candidacy,
    what: &str,
    wanted: impl Fn(&CandidacyState) -> bool,
) -> CandidacyState {
    until(what, async {
        loop {
            let state = candidacy.state();
            if wanted(&state) {
                return state;
            }
            candidacy.changed().await;
        }
    })
    .await
}

pub(crate) async fn until_leading(candidacy: &mut Candidacy) -> Leadership {
    let state = until_state(candidacy, "to lead", |state| matches!(state, CandidacyState::Leading(_))).await;
    let CandidacyState::Leading(leadership) = state else { unreachable!() };
    leadership
}

pub(crate) async fn until_standing(candidacy: &mut Candidacy) {
    until_state(candidacy, "to stand", |state| matches!(state, CandidacyState::Standing)).await;
}

pub(crate) async fn until_leader(detection: &mut Detection, wanted: Option<MasterInfo>) {
    let found = async {
        while detection.leader() != wanted {
            detection.changed().await;
        }
    };
    until(&format!("to detect {wanted:?}"), found).await;
}

/// The first leads, the second takes over when it withdraws, everyone sees it, and the first one's writes are refused.
pub(crate) async fn succession(spec: &str, open: impl Fn() -> Box<dyn Storage>) {
    let mut detection = detect(spec);
    let mut first = contend(spec, 1, "r");
    let leadership = until_leading(&mut first).await;
    assert!(leadership.lease.is_held());
    until_leader(&mut detection, Some(master(1))).await;
    let mut second = contend(spec, 2, "r");
    until_standing(&mut second).await;

    let old = open();
    old.begin_term(fence(&leadership.fence)).await.unwrap();
    old.commit(batch("a", "old")).await.unwrap();
    first.withdraw().await;
    assert!(!leadership.lease.is_held());
    let second_leadership = until_leading(&mut second).await;
    until_leader(&mut detection, Some(master(2))).await;
    assert!(matches!(old.commit(batch("a", "late")).await, Err(StorageError::Fenced { .. })));
    let new = open();
    new.begin_term(fence(&second_leadership.fence)).await.unwrap();
    assert_eq!(new.get(Key::new(Space::Agents, "a").unwrap()).await.unwrap().unwrap(), "old");
    new.commit(batch("a", "new")).await.unwrap();
    assert!(matches!(old.commit(batch("a", "late")).await, Err(StorageError::Fenced { .. })));
    second.withdraw().await;
    until_leader(&mut detection, None).await;
}

/// A leader's process is killed; one is stopped and goes on.
pub(crate) async fn failover(spec: &str) {
    let mut detection = detect(spec);
    let mut killed = ContenderProcess::start(spec, 1, SESSION_TIMEOUT);
    killed.until("leading");
    let mut second = contend(spec, 2, "r");
    until_standing(&mut second).await;
    killed.kill();
    until_leading(&mut second).await;
    until_leader(&mut detection, Some(master(2))).await;
    second.withdraw().await;

    let mut stopped = ContenderProcess::start(spec, 3, SESSION_TIMEOUT);
    stopped.until("leading");
    let mut fourth = contend(spec, 4, "r");
    until_standing(&mut fourth).await;
    stopped.signal("-STOP");
    until_leading(&mut fourth).await;
    until_leader(&mut detection, Some(master(4))).await;
    stopped.signal("-CONT");
    // The first thing that it looks at is its lease, which has run out; then it learns that it lost.
    stopped.until("not held");
    stopped.until("lost");
    fourth.withdraw().await;
}

/// The servers are gone for longer than a session lives, and come back.
pub(crate) async fn servers_restart(server: &mut Server, spec: &str) {
    let mut detection = detect(spec);
    let mut candidacy = contend(spec, 1, "r");
    let leadership = until_leading(&mut candidacy).await;
    until_leader(&mut detection, Some(master(1))).await;
    server.kill();
    until_state(&mut candidacy, "to lose", |state| matches!(state, CandidacyState::Lost { .. })).await;
    assert!(!leadership.lease.is_held());
    until_leader(&mut detection, None).await;
    let mut again = contend(spec, 2, "r");
    server.start();
    until_leading(&mut again).await;
    until_leader(&mut detection, Some(master(2))).await;
    again.withdraw().await;
}

/// A short stop of the servers costs nobody anything.
pub(crate) async fn servers_pause(server: &Server, spec: &str) {
    let mut candidacy = contend(spec, 1, "r");
    let leadership = until_leading(&mut candidacy).await;
    server.pause();
    std::thread::sleep(SESSION_TIMEOUT / 10);
    server.resume();
    assert!(leadership.lease.is_held());
    assert!(matches!(candidacy.state(), CandidacyState::Leading(_)));
    candidacy.withdraw().await;
}

/// Masters of two registries do not follow each other.
pub(crate) async fn registries_do_not_mix(spec: &str) {
    let mut ours = contend(spec, 1, "ours");
    until_leading(&mut ours).await;
    let mut other = contend(spec, 2, "other");
    let state =
        until_state(&mut other, "to be refused", |state| matches!(state, CandidacyState::Refused { .. }))
            .await;
    let CandidacyState::Refused { foreign } = state else { unreachable!() };
    assert_eq!(foreign, ["master@127.0.0.1:1"]);
    ours.withdraw().await;
    until_leading(&mut other).await;
    other.withdraw().await;
}

fn fence(fence: &Fence) -> tepui_storage::Fence {
    match fence.clone() {
        Fence::Alone => tepui_storage::Fence::Alone,
        Fence::Etcd { key, create_revision } => tepui_storage::Fence::Etcd { key, create_revision },
        Fence::ZooKeeper { path } => tepui_storage::Fence::ZooKeeper { path },
    }
}

fn batch(id: &str, value: &'static str) -> Batch {
    let mut batch = Batch::new();
    batch
        .add(vec![Operation::Put(
            Key::new(Space::Agents, id).unwrap(),
            bytes::Bytes::from_static(value.as_bytes()),
        )])
        .unwrap();
    batch
}
