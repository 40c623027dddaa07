//! An agent of raw HTTP registers over the link.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use prost::Message;
use tepui_proto::{internal, v1};

use crate::exchange::{Connection, ask_parts, record, request};
use crate::running_master::RunningMaster;

/// Reads messages of the master until one of this name comes, and gives its body.
fn await_message(stream: &mut TcpStream, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some((path, body, length)) = parse(&bytes) {
            if path == format!("/slave(1)/{name}") {
                return body;
            }
            bytes.drain(..length);
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the master closed the connection");
        bytes.extend_from_slice(&buffer[..length]);
    }
}

/// The path and body of the first whole request in `bytes`, and its length. Messages come in one chunk.
fn parse(bytes: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let find = |from: usize, needle: &[u8]| {
        let rest = bytes.get(from..)?;
        Some(from + rest.windows(needle.len()).position(|window| window == needle)? + needle.len())
    };
    let head_end = find(0, b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let path = head.split(' ').nth(1)?.to_owned();
    if !head.contains("Transfer-Encoding: chunked") {
        return Some((path, Vec::new(), head_end));
    }
    let start = find(head_end, b"\r\n")?;
    let length =
        usize::from_str_radix(std::str::from_utf8(&bytes[head_end..start - 2]).unwrap(), 16).unwrap();
    let end = find(start + length, b"0\r\n\r\n")?;
    Some((path, bytes[start..start + length].to_vec(), end))
}

/// Registers an agent; its connection from the master stays open as long as what is returned.
pub(crate) fn register(master: &RunningMaster) -> (TcpListener, TcpStream, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let resource = |name: &str, value| v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    let info = v1::AgentInfo {
        hostname: "agent".to_owned(),
        port: Some(i32::from(port)),
        resources: vec![resource("cpus", 4.0), resource("mem", 1024.0)],
        ..Default::default()
    };
    let registration = internal::RegisterSlaveMessage {
        slave: info,
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    };
    let head = format!(
        "POST /master/mesos.internal.RegisterSlaveMessage HTTP/1.1\r\nLibprocess-From: slave(1)@127.0.0.1:{port}\r\n\
         Content-Length: {}\r\n\r\n",
        registration.encoded_len()
    );
    let mut connection = Connection::open(master.address);
    connection.send(&[head.as_bytes(), &registration.encode_to_vec()].concat());
    assert_eq!(connection.receive().unwrap().status, 202);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    // The first ping may come before.
    let body = await_message(&mut stream, "mesos.internal.SlaveRegisteredMessage");
    let registered = internal::SlaveRegisteredMessage::decode(body.as_slice()).unwrap();
    (listener, stream, registered.slave_id.value)
}

#[test]
fn an_agent_registers_and_its_resources_are_offered() {
    let master = RunningMaster::start();
    let (_listener, _stream, id) = register(&master);
    let state = ask_parts(master.address, "GET /state", &[], "").unwrap().text();
    assert!(state.contains(&format!(r#""slaves":[{{"id":"{id}","hostname":"agent""#)), "{state}");
    assert!(state.contains(r#""activated_slaves":1.0"#), "{state}");

    let body = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"offers"}}}"#;
    let mut scheduler = Connection::open(master.address);
    scheduler.send(&request("POST /api/v1/scheduler", &[("Content-Type", "application/json")], body));
    scheduler.receive().unwrap();
    let offers = loop {
        let event = String::from_utf8(record(&scheduler.chunk())).unwrap();
        if event.starts_with(r#"{"type":"OFFERS""#) {
            break event;
        }
    };
    assert!(offers.contains(&id), "{offers}");
    let state = ask_parts(master.address, "GET /state", &[], "").unwrap().text();
    assert!(
        state.contains(r#""offered_resources":{"disk":0.0,"mem":1024.0,"gpus":0.0,"cpus":4.0}"#),
        "{state}"
    );
    let metrics = ask_parts(master.address, "GET /metrics/snapshot", &[], "").unwrap().text();
    for metric in [
        r#""master/slave_registrations":1.0"#,
        r#""master/slaves_active":1.0"#,
        r#""master/outstanding_offers":1.0"#,
        r#""master/cpus_total":4.0"#,
    ] {
        assert!(metrics.contains(metric), "{metric} is not in {metrics}");
    }
}
