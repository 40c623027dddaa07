//! The `Accept` header.

use tepui_wire::ContentType;
use tepui_wire::accept::{accepts, negotiate};

/// Any text.
pub(crate) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let accept = Some(&*text);
    let json = accepts(accept, "application/json");
    let protobuf = accepts(accept, "application/x-protobuf");
    let expected = match (json, protobuf) {
        (true, _) => Some(ContentType::Json),
        (false, true) => Some(ContentType::Protobuf),
        (false, false) => None,
    };
    assert_eq!(negotiate(accept), expected);
    let blanks: String = text.chars().flat_map(|character| [' ', character]).collect();
    assert_eq!(negotiate(Some(&blanks)), expected, "with blanks");
    assert_eq!(negotiate(Some(&format!("{text},text/html"))), expected, "with another type");
    let _ = accepts(accept, &text);
}
