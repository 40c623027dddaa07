//! Forms: the bodies of the older operator endpoints, such as `/teardown`, and query strings.

use std::fmt::Write as _;

use tepui_http::Query;

/// What was read, written with every byte escaped, is read as the same.
pub(crate) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(query) = Query::parse(&text) else {
        assert!(text.contains('%'), "only escapes can be malformed: {text}");
        return;
    };
    let mut written = String::new();
    for (key, value) in query.iter() {
        escape(key, &mut written);
        written.push('=');
        escape(value, &mut written);
        written.push('&');
    }
    assert_eq!(Query::parse(&written).as_ref(), Ok(&query), "{written}");
    // The one that `/teardown` looks for.
    let _ = query.value("frameworkId").map(str::len);
}

fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        // A string grows without fail.
        let _ = write!(out, "%{byte:02X}");
    }
}
