//! Messages of the link, by name.

use std::sync::LazyLock;

use tepui_proto::{LinkMessage, LinkMessageError};

use crate::grammar;
use crate::source::Source;

/// All that travels.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names = grammar::names_ending("Message");
    names.retain(|name| name.starts_with("mesos.internal."));
    names.push("mesos.scheduler.Call");
    names
});

/// A byte for the name, one that says how to go on, and a message as it stands or choices that make one.
pub(crate) fn target(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let Some(name) = source.pick(&NAMES) else { return };
    let body = match source.byte() % 3 {
        0 => source.rest().to_vec(),
        1 => {
            let mut body = grammar::message(&mut source, name, &[]);
            // Fields that stand twice are merged.
            body.extend_from_slice(source.rest());
            body
        }
        _ => grammar::message(&mut source, name, &[]),
    };
    let Ok(message) = LinkMessage::decode(name, &body) else { return };
    assert_eq!(message.name(), name);
    let encoded = message.encode();
    let again = LinkMessage::decode(name, &encoded).expect("what was complete still is");
    assert_eq!(again.encode(), encoded, "{name}");
    let other = format!("{name}X");
    assert_eq!(LinkMessage::decode(&other, &body), Err(LinkMessageError::UnknownName(other)));
}
