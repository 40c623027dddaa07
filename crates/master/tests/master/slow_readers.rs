//! A scheduler that does not read its events, over a real socket.

use std::time::{Duration, Instant};

use crate::agents::register;
use crate::exchange::{Connection, ask_parts, record, request};
use crate::running_master::RunningMaster;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Each reconciliation is answered with as much.
const MEGABYTE: usize = 1 << 20;

/// A subscribed scheduler that only reads when it is told to.
struct Scheduler {
    events: Connection,
    stream_id: String,
    framework: String,
}

impl Scheduler {
    fn subscribe(master: &RunningMaster) -> Self {
        let body = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"slow","failover_timeout":1000}}}"#;
        let mut events = Connection::open(master.address);
        events.send(&request("POST /api/v1/scheduler", &[JSON], body));
        let answer = events.receive().unwrap();
        let stream_id = answer.header("Mesos-Stream-Id").unwrap().to_owned();
        let subscribed = String::from_utf8(record(&answer.body)).unwrap();
        let (_, id) = subscribed.split_once(r#""framework_id":{"value":""#).unwrap();
        let framework = id.split('"').next().unwrap().to_owned();
        Self { events, stream_id, framework }
    }

    /// Asks for a task with a very long name, of which nothing is known; so one event as long comes back.
    fn provoke_a_megabyte(&self, master: &RunningMaster) {
        let task = "x".repeat(MEGABYTE);
        let body = format!(
            r#"{{"type":"RECONCILE","framework_id":{{"value":"{}"}},"reconcile":{{"tasks":[{{"task_id":{{"value":"{task}"}}}}]}}}}"#,
            self.framework
        );
        let headers = [JSON, ("Mesos-Stream-Id", self.stream_id.as_str())];
        ask_parts(master.address, "POST /api/v1/scheduler", &headers, &body).unwrap();
    }

    fn await_event(&mut self, kind: &str) -> String {
        loop {
            let event = String::from_utf8(record(&self.events.chunk())).unwrap();
            if event.starts_with(&format!(r#"{{"type":"{kind}""#)) {
                return event;
            }
        }
    }
}

pub(crate) fn await_metric(master: &RunningMaster, metric: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let metrics = ask_parts(master.address, "GET /metrics/snapshot", &[], "").unwrap().text();
        if metrics.contains(metric) {
            return;
        }
        let (name, _) = metric.split_once(':').unwrap();
        let seen = metrics.split(',').find(|entry| entry.contains(name));
        assert!(Instant::now() < deadline, "{metric} is not there, but {seen:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_slow_scheduler_gets_no_offers_and_loses_those_it_has_until_it_reads() {
    let master = RunningMaster::start();
    let mut scheduler = Scheduler::subscribe(&master);
    let (_listener, _stream, agent) = register(&master);
    await_metric(&master, r#""master/outstanding_offers":1.0"#);
    for _ in 0..24 {
        scheduler.provoke_a_megabyte(&master);
    }
    await_metric(&master, r#""master/slow_frameworks/rescinded":1.0"#);
    await_metric(&master, r#""master/outstanding_offers":0.0"#);
    let metrics = ask_parts(master.address, "GET /metrics/snapshot", &[], "").unwrap().text();
    assert!(metrics.contains(r#""master/frameworks_active":1.0"#), "{metrics}");
    // It gets all that it was sent, in order, and then an offer again.
    assert!(scheduler.await_event("OFFERS").contains(&agent));
    scheduler.await_event("RESCIND");
    assert!(scheduler.await_event("OFFERS").contains(&agent));
    await_metric(&master, r#""master/outstanding_offers":1.0"#);
}

#[test]
fn a_scheduler_for_which_too_much_waits_is_cut_off_and_may_come_again() {
    let master = RunningMaster::start();
    let scheduler = Scheduler::subscribe(&master);
    for _ in 0..80 {
        scheduler.provoke_a_megabyte(&master);
    }
    await_metric(&master, r#""master/frameworks_disconnected":1.0"#);
    let mut again = Scheduler::subscribe(&master);
    again.await_event("HEARTBEAT");
}
