//! What the routes answer, seen from outside.

use crate::exchange::{Answer, Connection, ask, ask_parts, record, request};
use crate::running_master::RunningMaster;

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn get(master: &RunningMaster, path: &str) -> Answer {
    ask_parts(master.address, &format!("GET {path}"), &[], "").unwrap()
}

fn operator(master: &RunningMaster, body: &str) -> Answer {
    ask_parts(master.address, "POST /api/v1", &[JSON], body).unwrap()
}

fn subscribe(master: &RunningMaster, name: &str) -> (Connection, Answer, String) {
    let body = format!(
        r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"root","name":"{name}","failover_timeout":100}}}}}}"#
    );
    let mut connection = Connection::open(master.address);
    connection.send(&request("POST /api/v1/scheduler", &[JSON], &body));
    let answer = connection.receive().unwrap();
    let event = String::from_utf8(record(&answer.body)).unwrap();
    let id =
        event.split(r#""framework_id":{"value":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    (connection, answer, id)
}

#[test]
fn the_older_endpoints_answer() {
    let master = RunningMaster::start();
    for path in [
        "/state",
        "/master/state",
        "/state-summary",
        "/frameworks",
        "/slaves",
        "/tasks",
        "/roles",
        "/metrics/snapshot",
        "/flags",
        "/version",
        "/metrics/snapshot?timeout=5secs",
    ] {
        let answer = get(&master, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("Content-Type"), Some("application/json"), "{path}");
        assert!(answer.text().starts_with('{'), "{path}");
    }
    assert_eq!(get(&master, "/health").status, 200);
    assert_eq!(get(&master, "/state.json").status, 404);
    assert_eq!(get(&master, "/version?jsonp=cb").header("Content-Type"), Some("text/javascript"));
    assert!(get(&master, "/state?jsonp=cb").text().starts_with("cb({"));
    let redirect = get(&master, "/redirect");
    assert_eq!(redirect.status, 307);
    assert_eq!(redirect.header("Location"), Some(format!("//127.0.0.1:{}", master.address.port()).as_str()));
    assert_eq!(get(&master, "/metrics/snapshot?timeout=bogus").status, 400);
}

#[test]
fn the_operator_api_reads() {
    let master = RunningMaster::start();
    for (kind, start) in [
        ("GET_HEALTH", r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
        ("GET_FLAGS", r#"{"type":"GET_FLAGS","get_flags":{"flags":["#),
        ("GET_VERSION", r#"{"type":"GET_VERSION","get_version":{"version_info":{"version":"1.11.0""#),
        ("GET_MASTER", r#"{"type":"GET_MASTER","get_master":{"master_info":{"id":"#),
        ("GET_AGENTS", r#"{"type":"GET_AGENTS","get_agents":{"agents":[],"recovered_agents":[]}}"#),
        ("GET_FRAMEWORKS", r#"{"type":"GET_FRAMEWORKS","get_frameworks":{"frameworks":[],"#),
        (
            "GET_TASKS",
            r#"{"type":"GET_TASKS","get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}}"#,
        ),
        ("GET_EXECUTORS", r#"{"type":"GET_EXECUTORS","get_executors":{"executors":[]}}"#),
        ("GET_STATE", r#"{"type":"GET_STATE","get_state":{"get_tasks":{"tasks":[],"#),
        ("GET_ROLES", r#"{"type":"GET_ROLES","get_roles":{"#),
    ] {
        let answer = operator(&master, &format!(r#"{{"type":"{kind}"}}"#));
        assert_eq!(answer.status, 200, "{kind}");
        assert!(answer.text().starts_with(start), "{kind}: {}", answer.text());
    }
    let metrics = operator(&master, r#"{"type":"GET_METRICS"}"#);
    assert_eq!(metrics.text(), "Failed to validate master::Call: Expecting 'get_metrics' to be present");
    assert_eq!(operator(&master, r#"{"type":"GET_METRICS","get_metrics":{}}"#).status, 200);
    assert_eq!(operator(&master, r#"{"type":"GET_QUOTA"}"#).status, 501);
    let headers = [JSON, ("Accept", "application/x-protobuf")];
    let answer = ask_parts(master.address, "POST /api/v1", &headers, r#"{"type":"GET_HEALTH"}"#).unwrap();
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/x-protobuf")));
    assert_eq!(answer.body, [8, 1, 18, 2, 8, 1]);
}

#[test]
fn whoever_was_answered_sees_their_change() {
    let master = RunningMaster::start();
    for number in 0..20 {
        let (_connection, _, id) = subscribe(&master, &format!("framework-{number}"));
        assert!(get(&master, "/state").text().contains(&id), "{id} is not in /state");
        assert!(
            operator(&master, r#"{"type":"GET_FRAMEWORKS"}"#).text().contains(&id),
            "{id} is not in GET_FRAMEWORKS"
        );
    }
}

#[test]
fn a_scheduler_subscribes_calls_and_tears_down() {
    let master = RunningMaster::start();
    let (mut stream, answer, id) = subscribe(&master, "life");
    assert_eq!(answer.status, 200);
    let stream_id = answer.header("Mesos-Stream-Id").unwrap().to_owned();
    assert_eq!(record(&stream.chunk()), br#"{"type":"HEARTBEAT"}"#);
    let call = |kind: &str, stream_id: &str| {
        let body = format!(r#"{{"type":"{kind}","framework_id":{{"value":"{id}"}}}}"#);
        let headers = [JSON, ("Mesos-Stream-Id", stream_id)];
        ask_parts(master.address, "POST /api/v1/scheduler", &headers, &body).unwrap()
    };
    let revived = call("REVIVE", &stream_id);
    assert_eq!((revived.status, revived.header("Content-Length")), (202, Some("0")));
    assert_eq!(call("REVIVE", "another").status, 400);
    assert_eq!(call("TEARDOWN", &stream_id).status, 202);
    assert_eq!(stream.chunk(), b"", "the stream must end");
    assert_eq!(call("REVIVE", &stream_id).status, 400);
    let state = get(&master, "/state").text();
    assert!(state.contains(r#""frameworks":[],"completed_frameworks":[{"id":"#), "{state}");
}

#[test]
fn a_scheduler_that_goes_away_is_disconnected() {
    let master = RunningMaster::start();
    let (stream, ..) = subscribe(&master, "gone");
    assert!(get(&master, "/state").text().contains(r#""connected":true"#));
    drop(stream);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !get(&master, "/state").text().contains(r#""connected":false"#) {
        assert!(std::time::Instant::now() < deadline, "the framework is still connected");
    }
}

#[test]
fn a_message_that_makes_no_sense_does_no_harm() {
    let master = RunningMaster::start();
    let from = ("Libprocess-From", "slave(1)@127.0.0.1:1");
    for path in ["/master/mesos.internal.RegisterSlaveMessage", "/master/nope", "/nobody/nope"] {
        drop(ask_parts(master.address, &format!("POST {path}"), &[from], "\u{1}garbage"));
    }
    assert_eq!(get(&master, "/health").status, 200);
    let answer = ask(
        master.address,
        b"POST /api/v1/scheduler HTTP/1.1\r\nContent-Type: application/json\r\n\
        Content-Length: 2\r\n\r\n[]",
    )
    .unwrap();
    assert_eq!(answer.status, 400);
}

#[test]
fn a_scheduler_that_does_not_read_is_disconnected() {
    let master = RunningMaster::start();
    let (stream, answer, id) = subscribe(&master, "slow");
    let stream_id = answer.header("Mesos-Stream-Id").unwrap();
    // Each unknown task is answered by an update, so this is far more than may wait for a scheduler.
    let task = format!(r#"{{"task_id":{{"value":"{}"}}}}"#, "x".repeat(200));
    let tasks = vec![task; 20_000].join(",");
    let body = format!(
        r#"{{"type":"RECONCILE","framework_id":{{"value":"{id}"}},"reconcile":{{"tasks":[{tasks}]}}}}"#
    );
    let headers = [JSON, ("Mesos-Stream-Id", stream_id)];
    let mut calls = 0;
    while get(&master, "/state").text().contains(r#""connected":true"#) {
        assert!(calls < 100, "the scheduler is still connected");
        drop(ask_parts(master.address, "POST /api/v1/scheduler", &headers, &body));
        calls += 1;
    }
    assert!(calls > 1, "it was disconnected before its limit");
    drop(stream);
}

#[test]
fn a_master_that_stops_does_not_wait_for_its_schedulers() {
    let master = RunningMaster::start();
    let (_stream, ..) = subscribe(&master, "stays");
    let before = std::time::Instant::now();
    drop(master);
    assert!(before.elapsed() < crate::running_master::SHUTDOWN_GRACE, "the master waited for a stream");
}
