//! Operators who follow the event stream, over real sockets.

use std::net::TcpListener;

use crate::agents::register;
use crate::exchange::{Connection, ask_parts, record, request};
use crate::running_master::RunningMaster;
use crate::slow_readers::await_metric;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// So many streams may be open at once, by default.
const MOST: usize = 1000;

fn follow(master: &RunningMaster) -> (Connection, String) {
    let mut stream = Connection::open(master.address);
    stream.send(&request("POST /api/v1", &[JSON], r#"{"type":"SUBSCRIBE"}"#));
    let answer = stream.receive().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.header("Mesos-Stream-Id"), None);
    let snapshot = String::from_utf8(record(&answer.body)).unwrap();
    assert!(snapshot.starts_with(r#"{"type":"SUBSCRIBED","subscribed":{"get_state":{"#), "{snapshot}");
    assert_eq!(event(&mut stream), r#"{"type":"HEARTBEAT"}"#);
    (stream, snapshot)
}

fn event(stream: &mut Connection) -> String {
    String::from_utf8(record(&stream.chunk())).unwrap()
}

fn subscribe(master: &RunningMaster, name: &str) -> Connection {
    let body = format!(
        r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"root","name":"{name}"}}}}}}"#
    );
    let mut events = Connection::open(master.address);
    events.send(&request("POST /api/v1/scheduler", &[JSON], &body));
    assert_eq!(events.receive().unwrap().status, 200);
    events
}

#[test]
fn snapshot_and_events_are_one_story() {
    let master = RunningMaster::start();
    let mut followers = Vec::new();
    // Frameworks come while operators come: each operator knows all of them, and none twice.
    let schedulers: Vec<Connection> = (0..40)
        .map(|number| {
            followers.push(follow(&master));
            subscribe(&master, &format!("framework-{number:02}"))
        })
        .collect();
    for (stream, snapshot) in &mut followers {
        for number in 0..schedulers.len() {
            let name = format!(r#""name":"framework-{number:02}""#);
            if !snapshot.contains(&name) {
                let added = event(stream);
                assert!(
                    added.starts_with(r#"{"type":"FRAMEWORK_ADDED""#) && added.contains(&name),
                    "{added}"
                );
            }
        }
    }
    let (_listener, _stream, agent): (TcpListener, _, String) = register(&master);
    for (stream, _) in &mut followers {
        let added = event(stream);
        assert!(added.starts_with(r#"{"type":"AGENT_ADDED""#) && added.contains(&agent), "{added}");
    }
}

#[test]
fn a_second_call_waits_behind_the_stream() {
    let master = RunningMaster::start();
    let (mut stream, _) = follow(&master);
    stream.send(&request("POST /api/v1", &[JSON], r#"{"type":"SUBSCRIBE"}"#));
    let _scheduler = subscribe(&master, "after");
    assert!(event(&mut stream).starts_with(r#"{"type":"FRAMEWORK_ADDED""#));
    await_metric(&master, r#""master/operator_event_stream_subscribers":1.0"#);
}

#[test]
fn followers_are_counted_and_the_oldest_makes_room() {
    let master = RunningMaster::start();
    let (mut oldest, _) = follow(&master);
    let mut others: Vec<_> = (1..MOST).map(|_| follow(&master)).collect();
    await_metric(&master, r#""master/operator_event_stream_subscribers":1000.0"#);
    let _newest = follow(&master);
    assert_eq!(oldest.chunk(), b"", "its stream ends properly");
    await_metric(&master, r#""master/operator_event_stream_subscribers":1000.0"#);
    others.truncate(9);
    await_metric(&master, r#""master/operator_event_stream_subscribers":10.0"#);
}

#[test]
fn a_follower_that_does_not_read_is_cut_off_and_harms_nobody() {
    let master = RunningMaster::start();
    let (_stalled, _) = follow(&master);
    let (mut good, _) = follow(&master);
    // Each label is a megabyte that all followers are told.
    let label = "x".repeat(1 << 20);
    for number in 0..80 {
        let body = format!(
            r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"root","name":"{number}","labels":{{"labels":[{{"key":"{label}"}}]}}}}}}}}"#
        );
        let mut events = Connection::open(master.address);
        events.send(&request("POST /api/v1/scheduler", &[JSON], &body));
        assert_eq!(events.receive().unwrap().status, 200);
        drop(events);
        for kind in ["FRAMEWORK_ADDED", "FRAMEWORK_REMOVED"] {
            assert!(event(&mut good).starts_with(&format!(r#"{{"type":"{kind}""#)));
        }
    }
    await_metric(&master, r#""master/operator_event_stream_subscribers_cut_off":1.0"#);
    await_metric(&master, r#""master/operator_event_stream_subscribers":1.0"#);
    assert_eq!(ask_parts(master.address, "GET /health", &[], "").unwrap().status, 200);
}
