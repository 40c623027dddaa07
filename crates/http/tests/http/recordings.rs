//! What a real master was asked and answered, as far as it is plumbing. `recordings/` holds the bytes.

use std::path::Path;

use super::daemon::Daemon;

/// Replays each recorded request and compares status, headers but the date, and body.
#[tokio::test]
async fn recorded_requests_are_answered_alike() {
    let daemon = Daemon::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/recordings");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let recording = std::fs::read(&path).unwrap();
        let mark = b"\n=====\n";
        let at = recording.windows(mark.len()).position(|window| window == mark).unwrap();
        let request = &recording[..at];
        let mut client = daemon.connect().await;
        client.write(request).await;
        // Here we differ: Mesos sends a body to HEAD, which confuses clients that know HTTP.
        let is_head = request.starts_with(b"HEAD ");
        let mut answer = if is_head { client.head().await } else { client.answer().await };
        let recorded = std::str::from_utf8(&recording[at + mark.len()..]).unwrap();
        if is_head {
            answer.body = recorded.split_once("\r\n\r\n").unwrap().1.into();
        }
        check(&name, &answer, recorded);
        count += 1;
    }
    assert!(count >= 20, "the recordings are there");
    daemon.stop().await;
}

fn check(name: &str, answer: &super::daemon::Answer, recorded: &str) {
    let (head, body) = recorded.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    assert_eq!(answer.status, status.split_once(' ').unwrap().1, "{name}");
    for header in headers.split("\r\n") {
        let (header, value) = header.split_once(": ").unwrap();
        let ours = answer.headers.get(header).unwrap_or_else(|| panic!("{name}: no {header}"));
        if header != "Date" {
            assert_eq!(ours, value, "{name}: {header}");
        }
    }
    assert!(headers.contains("Content-Type") || !answer.headers.contains_key("Content-Type"), "{name}");
    assert_eq!(answer.text(), body, "{name}");
}
