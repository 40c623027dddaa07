//! Bodies that were sent to the scheduler API of a running Mesos 1.11.0, and what it made of them.
//!
//! Each line of the recording: `json` or `protobuf`, the body, the answer; bytes beyond printable ASCII as `%XX`. An
//! answer that begins with `ok` is one of a later check: the body itself was understood. Before that, `stricter` marks
//! what we refuse: a message whose length reaches beyond what it is in, and a key of more than 32 bits. Mesos cuts both
//! off and goes on with what happens to follow.

use tepui_proto::v1::scheduler::Call;

use super::{ContentType, decode};

const RECORDING: &str = include_str!("../../testdata/bodies-mesos-1.11.0.txt");

fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

fn answer(content_type: ContentType, body: &[u8]) -> String {
    match decode::<Call>(content_type, body) {
        Err(error) => error.to_string(),
        Ok(Call { r#type: None, .. }) => {
            "ok Failed to validate scheduler::Call: Expecting 'type' to be present".to_owned()
        }
        Ok(Call { framework_id: None, .. }) => {
            "ok Failed to validate scheduler::Call: Expecting 'framework_id' to be present".to_owned()
        }
        Ok(_) => "ok".to_owned(),
    }
}

#[test]
fn bodies_are_understood_and_refused_as_mesos_does() {
    let mut wrong = Vec::new();
    for line in RECORDING.lines() {
        let [encoding, body, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let content_type = if encoding == "json" { ContentType::Json } else { ContentType::Protobuf };
        let expected = match expected.strip_prefix("stricter ") {
            Some(_) => "Failed to parse body into Call protobuf".to_owned(),
            None => String::from_utf8_lossy(&unescape(expected)).into_owned(),
        };
        let actual = answer(content_type, &unescape(body));
        if actual != expected && !(actual == "ok" && expected.starts_with("ok ")) {
            wrong.push(format!("{encoding} {body}\n  mesos: {expected}\n  ours:  {actual}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
