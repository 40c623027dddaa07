//! Each recorded request gets the status and the text that Mesos gave.

use std::path::{Path, PathBuf};

use crate::exchange::{Answer, ask, ask_parts, parse_recorded, record};
use crate::running_master::RunningMaster;

/// Where we differ from the recordings, and why. `docs/compat.md` says the same.
const DIFFERENT: &[(&str, Difference, &str)] = &[
    (
        "037-subscribe-suppressed-not-in-roles",
        Difference::Text(
            r#"{"type":"ERROR","error":{"message":"Suppressed role 'c' is not contained in the list of roles"}}"#,
        ),
        "1.11.0 words it so",
    ),
    ("046-head", Difference::Body, "the answer to a HEAD has no body, as HTTP asks"),
    ("057-root", Difference::Body, "the page at `/` is ours"),
    ("058-master-root", Difference::Body, "the page at `/` is ours"),
    ("063-bad-request-line", Difference::All, "malformed HTTP is answered with 400, not with silence"),
    (
        "064-bad-http-version",
        Difference::All,
        "malformed HTTP is answered with 400, not as if it were well-formed",
    ),
    ("068-gzip-response-small", Difference::Body, "we name our own build"),
    ("069-gzip-response-big", Difference::Body, "metrics are those of this master"),
    ("071-big-header", Difference::All, "headers over the limit are answered with 431, not with silence"),
    (
        "072-content-length-mismatch",
        Difference::All,
        "both wait for the rest of the body, until a time runs out",
    ),
];

/// The recording, the request line, its headers and its body.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

/// How far an answer differs on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// The text of the body or of the first event is this one.
    Text(&'static str),
    /// Only status and headers are compared.
    Body,
    /// Nothing is compared.
    All,
}

/// The folder with what was recorded, if it is here.
fn recordings(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("TEPUI_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("reference").join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT COMPARED: there are no recordings at {}; set TEPUI_SHARED", folder.display());
    None
}

#[test]
fn recorded_requests_get_the_recorded_answers() {
    let Some(folder) = recordings("recordings-1.12/01-http") else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 60, "most recordings are missing");
    let master = RunningMaster::start();
    let mut failures = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let content = std::fs::read(&file).unwrap();
        let difference = DIFFERENT.iter().find(|(different, ..)| name == *different);
        if let Some((_, difference, reason)) = difference {
            println!("{name}: {difference:?}: {reason}");
        }
        let difference = difference.map(|(_, difference, _)| *difference);
        if difference == Some(Difference::All) {
            continue;
        }
        let (request, recorded) = split(&content);
        let port = master.address.port().to_string();
        let request = replace(request, b"127.0.0.1:5050", format!("127.0.0.1:{port}").as_bytes());
        let mut expected = parse_recorded(recorded);
        if let (Some(expected), Some(Difference::Text(text))) = (&mut expected, difference) {
            expected.body = text.as_bytes().to_vec();
        }
        let answer = ask(master.address, &request);
        if let Some(failure) = compare(&port, expected, answer, difference == Some(Difference::Body)) {
            failures.push(format!("{name}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_mesos_1_11_answered_to_schedulers_is_answered_the_same() {
    const URL: &str = "POST /api/v1/scheduler";
    const JSON: (&str, &str) = ("Content-Type", "application/json");
    // User `root` and name `x`, in protobuf: each byte happens to be ASCII.
    const SUBSCRIBE_PROTOBUF: &str = "\x10\x01\x1a\x0b\n\t\n\x04root\x12\x01x";
    const SUBSCRIBE: &str =
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"rec"}}}"#;
    let Some(folder) = recordings("recordings") else { return };
    let master = RunningMaster::start();
    let no_framework_id = r#"{"type":"REVIVE"}"#;
    let unknown = r#"{"type":"REVIVE","framework_id":{"value":"nope"}}"#;
    let numbers = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"rec","failover_timeout":"5"}}}"#;
    let unknown_field =
        r#"{"type":"SUBSCRIBE","bogus":1,"subscribe":{"framework_info":{"user":"root","name":"rec"}}}"#;
    let lowercase = r#"{"type":"subscribe"}"#;
    let cases: [Case; 12] = [
        ("sched-bad-content-type", URL, &[("Content-Type", "text/plain")], SUBSCRIBE),
        ("sched-enum-lowercase", URL, &[JSON], lowercase),
        ("sched-get-method", "GET /api/v1/scheduler", &[], ""),
        ("sched-no-accept-pb", URL, &[("Content-Type", "application/x-protobuf")], SUBSCRIBE_PROTOBUF),
        ("sched-no-content-type", URL, &[], SUBSCRIBE),
        ("sched-no-framework-id", URL, &[JSON], no_framework_id),
        ("sched-not-acceptable", URL, &[JSON, ("Accept", "text/html")], SUBSCRIBE),
        ("sched-numbers-as-strings", URL, &[JSON], numbers),
        ("sched-subscribe-ok", URL, &[JSON, ("Accept", "application/json")], SUBSCRIBE),
        ("sched-subscribe-with-stream-id", URL, &[JSON, ("Mesos-Stream-Id", "abc")], SUBSCRIBE),
        ("sched-unknown-field", URL, &[JSON], unknown_field),
        ("sched-unknown-framework", URL, &[JSON], unknown),
    ];
    let mut failures = Vec::new();
    for (name, line, headers, body) in cases {
        let recorded = std::fs::read(folder.join(format!("{name}.http"))).unwrap();
        let answer = ask_parts(master.address, line, headers, body);
        let port = master.address.port().to_string();
        if let Some(failure) = compare(&port, parse_recorded(&recorded), answer, false) {
            failures.push(format!("{name}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

/// What differs, if anything does.
fn compare(
    port: &str,
    expected: Option<Answer>,
    answer: Option<Answer>,
    only_status: bool,
) -> Option<String> {
    let (expected, answer) = match (expected, answer) {
        (None, None) => return None,
        (Some(expected), Some(answer)) => (expected, answer),
        (expected, answer) => return Some(format!("expected {expected:?}, got {answer:?}")),
    };
    if expected.status != answer.status {
        return Some(format!(
            "expected status {}, got {}: {}",
            expected.status,
            answer.status,
            answer.text()
        ));
    }
    for name in ["Content-Type", "Allow", "Location", "Content-Encoding", "Transfer-Encoding"] {
        if expected.header(name) != answer.header(name) {
            return Some(format!(
                "expected {name} {:?}, got {:?}",
                expected.header(name),
                answer.header(name)
            ));
        }
    }
    let got = if answer.is_stream() { record(&answer.body) } else { answer.body.clone() };
    let (want, got) = (normalize(port, &expected.text()), normalize(port, &String::from_utf8_lossy(&got)));
    (!only_status && want != got).then(|| format!("\n  expected {want}\n       got {got}"))
}

/// Replaces what no two masters share.
fn normalize(port: &str, text: &str) -> String {
    let mut text = text.replace("1.12.0", "1.11.0").replace("localhost", "127.0.0.1");
    for own in [port, "15050", "5050"] {
        text =
            text.replace(&format!(":{own}"), ":PORT").replace(&format!("127.0.0.1:{own}"), "127.0.0.1:PORT");
    }
    // 1.11.0 has no name for this capability in its v1 API.
    text = text.replace(r#"{"type":"QUOTA_V2"}"#, "{}");
    mask_ids(&text)
}

/// Replaces each UUID, and the number that follows it in an id.
fn mask_ids(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut masked = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + 36).min(bytes.len());
        let candidate: String = bytes[at..end].iter().collect();
        if is_uuid(&candidate) {
            masked.push_str("UUID");
            at = end;
            if bytes.get(at) == Some(&'-') {
                while bytes.get(at).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '-') {
                    at += 1;
                }
            }
        } else {
            masked.push(bytes[at]);
            at += 1;
        }
    }
    masked
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .char_indices()
            .all(|(at, c)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { c.is_ascii_hexdigit() })
}

fn split(content: &[u8]) -> (&[u8], &[u8]) {
    let separator = b"\n=====\n";
    let at = content.windows(separator.len()).position(|window| window == separator).unwrap();
    (&content[..at], &content[at + separator.len()..])
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(from) {
            replaced.extend_from_slice(to);
            at += from.len();
        } else {
            replaced.push(bytes[at]);
            at += 1;
        }
    }
    replaced
}
