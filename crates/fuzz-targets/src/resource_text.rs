//! What operators and peers write as text: resources, attributes, quantities, durations, sizes, UPIDs, roles, ids.
//!
//! What was read is written, and read as the same.

use tepui_types::{
    Attributes, ResourceQuantities, Resources, Upid, Uuid, ancestors, format_bytes, format_duration,
    is_strict_subrole, parse_bytes, parse_duration, parse_value, validate_id, validate_role,
};

/// Any text.
pub(crate) fn target(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    resources(text);
    attributes(text);
    quantities(text);
    let _ = parse_value(text);
    if let Ok(size) = parse_bytes(text) {
        assert_eq!(parse_bytes(&format_bytes(size)), Ok(size));
    }
    if let Ok(duration) = parse_duration(text) {
        // What is shown is rounded, but once only.
        let shown = format_duration(duration);
        let again = parse_duration(&shown).map(format_duration);
        assert!(again.is_ok(), "`{shown}` is shown for `{text}`");
    }
    if let Ok(upid) = text.parse::<Upid>() {
        assert_eq!(upid.to_string().parse(), Ok(upid));
    }
    if let Ok(uuid) = text.parse::<Uuid>() {
        assert_eq!(uuid.to_string().parse(), Ok(uuid));
    }
    if validate_role(text).is_ok() {
        for ancestor in ancestors(text) {
            assert!(is_strict_subrole(text, ancestor), "`{ancestor}` is above `{text}`");
            assert_eq!(validate_role(ancestor), Ok(()));
        }
    }
    if validate_id(text).is_ok() {
        assert!(!text.contains('/') && !matches!(text, "" | "." | ".."), "`{text}` may name a folder");
    }
}

fn resources(text: &str) {
    let Ok(resources) = Resources::parse(text, "*") else { return };
    assert_eq!(Resources::from_protos(&resources.to_protos()), Ok(resources.clone()), "as messages");
    assert_eq!(
        Resources::from_protos(&resources.to_protos_endpoint()),
        Ok(resources.clone()),
        "for operators"
    );
    assert_eq!(
        Resources::from_protos(&resources.to_protos_pre_refinement()),
        Ok(resources.clone()),
        "in the old way"
    );
    let all = resources.clone();
    assert!((all - &resources).is_empty(), "nothing is left");
    let _ = Resources::parse(text, "role");
    let _ = resources.to_string();
}

fn attributes(text: &str) {
    let Ok(attributes) = Attributes::parse(text) else { return };
    let protos = attributes.to_protos();
    let again = Attributes::from_protos(&protos).expect("what text gave is well-formed");
    assert_eq!(again.to_protos(), protos);
    let shown = attributes.iter().map(ToString::to_string).collect::<Vec<_>>().join(";");
    let _ = Attributes::parse(&shown);
}

fn quantities(text: &str) {
    let Ok(quantities) = ResourceQuantities::parse(text) else { return };
    assert_eq!(ResourceQuantities::from_protos(&quantities.to_protos()), quantities);
    assert!(quantities.contains(&quantities));
}
