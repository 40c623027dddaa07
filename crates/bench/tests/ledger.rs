//! A small cluster, in this process: the load's books must be right. Nothing is timed here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use tepui_bench::{Plan, Process, Target, run};
use tepui_flags::Addresses;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Runs a plan against a master of its own.
fn check(settings: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, is_ready) = oneshot::channel();
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let values = tepui_master::FLAGS.parse([], |_| None).unwrap();
    let addresses = Addresses { listen: address, advertised: address, hostname: "localhost".to_owned() };
    let config = tepui_master::Config::from_flags(&values, &addresses).unwrap();
    let master = runtime.spawn(async move {
        tepui_master::run(config, listener, ready, async {
            drop(stopped.await);
        })
        .await
    });
    runtime.block_on(is_ready).unwrap();

    let mut plan = Plan { patience_seconds: 60.0, ..Plan::default() };
    for setting in settings {
        plan.assign(setting).unwrap();
    }
    let target = Target { master: address, process: Process::own() };
    let report = run(plan, target, &mut |_| {}).unwrap();
    assert!(report.is_right(), "{}", report.to_text());
    drop(stop);
    runtime.block_on(master).unwrap().unwrap();
}

#[test]
fn every_task_ends_exactly_once() {
    check(&[
        "agents=200",
        "tasks=2000",
        "frameworks=4",
        "roles=2",
        "slots=2",
        "tasks_per_accept=2",
        "decliners=1",
        "suppressors=1",
        "swarm_port=16981",
        "agents_per_address=50",
        "reads=state,get_state_protobuf,metrics",
        "read_count=1",
        "flaps_per_second=20",
    ]);
}

#[test]
fn held_tasks_end_when_they_are_told_to() {
    check(&[
        "agents=100",
        "tasks=200",
        "frameworks=2",
        "slots=4",
        "encoding=json",
        "duration_ms=-1",
        "swarm_port=16982",
        "reconcile=50",
        "pongs=50",
    ]);
}

#[test]
fn agents_bring_their_tasks_along() {
    check(&["agents=100", "reregister_tasks=10", "swarm_port=16983", "reads=state", "read_count=1"]);
}
