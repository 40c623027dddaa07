//! What is fuzzed, as plain functions.
//!
//! Each target takes any bytes, gives them to code that reads what peers send, and panics if a law is broken. The
//! programs in `/fuzz` call them under libfuzzer; the test of this crate replays the kept corpora (`/fuzz/corpus`)
//! without it. `/fuzz/README.md` tells how to run them, and what they have found.
//!
//! Start reading at [`TARGETS`]; a target has a file, named after it.

#![expect(clippy::wildcard_enum_match_arm, reason = "targets look at few of many messages")]

mod accept;
mod agent_core;
mod form_body;
mod grammar;
mod http_front;
mod json_body;
mod link_message;
mod master_core;
mod protobuf_body;
mod recordio;
mod resource_protos;
mod resource_text;
mod source;

/// Something that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its program and of the folder of its corpus.
    pub name: &'static str,
    /// Panics if these bytes break a law.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "accept", run: accept::target },
    Target { name: "agent_core", run: agent_core::target },
    Target { name: "form_body", run: form_body::target },
    Target { name: "http_front", run: http_front::target },
    Target { name: "json_body", run: json_body::target },
    Target { name: "link_message", run: link_message::target },
    Target { name: "master_core", run: master_core::target },
    Target { name: "protobuf_body", run: protobuf_body::target },
    Target { name: "recordio", run: recordio::target },
    Target { name: "resource_protos", run: resource_protos::target },
    Target { name: "resource_text", run: resource_text::target },
];

/// Runs the target of this name.
///
/// # Panics
/// The bytes break a law, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(bytes);
}
