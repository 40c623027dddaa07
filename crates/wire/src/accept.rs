//! The `Accept` header, as Mesos reads it.

use crate::ContentType;

/// The encoding of the answer; `None` if the client takes neither, which is status 406.
///
/// Compat: JSON wins whenever the client takes it, whatever weights it gives.
pub fn negotiate(accept: Option<&str>) -> Option<ContentType> {
    [ContentType::Json, ContentType::Protobuf]
        .into_iter()
        .find(|content_type| accepts(accept, content_type.name()))
}

/// True if an `Accept` header, or one of its kind, allows `media_type`. No header allows everything.
///
/// Compat: the most exact range that names the type decides, and the first of equals. Of its weight only zero counts.
pub fn accepts(accept: Option<&str>, media_type: &str) -> bool {
    let Some(accept) = accept else { return true };
    let Some((kind, _)) = media_type.split_once('/') else { return false };
    let accept: String = accept.chars().filter(|character| !matches!(character, ' ' | '\t' | '\n')).collect();
    let of_kind = format!("{kind}/*");
    let ranges = [media_type, &of_kind, "*/*"];
    ranges
        .iter()
        .find_map(|range| accept.split(',').find(|entry| names(entry, range)))
        .is_some_and(|entry| !is_refused(entry))
}

fn names(entry: &str, range: &str) -> bool {
    entry.split(';').find(|part| !part.is_empty()).is_some_and(|name| name.eq_ignore_ascii_case(range))
}

/// True if an entry has exactly one weight, and that is not a number above zero.
fn is_refused(entry: &str) -> bool {
    let mut weights = entry.split(';').filter_map(|part| {
        let mut sides = part.split('=').filter(|side| !side.is_empty());
        match (sides.next(), sides.next(), sides.next()) {
            (Some("q"), Some(weight), None) => Some(weight),
            _ => None,
        }
    });
    match (weights.next(), weights.next()) {
        (Some(weight), None) => !weight.parse::<f64>().is_ok_and(|weight| weight > 0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{accepts, negotiate};
    use crate::ContentType::{Json, Protobuf};

    #[test]
    fn headers_are_read_as_mesos_reads_them() {
        // Recorded: the `Content-Type` (or 406) that a Mesos 1.11.0 master answered to a SUBSCRIBE with each header.
        let cases = [
            (None, Some(Json)),
            (Some(""), None),
            (Some("*/*"), Some(Json)),
            (Some("*"), None),
            (Some("application/*"), Some(Json)),
            (Some("text/*"), None),
            (Some("text/html"), None),
            (Some("application/json"), Some(Json)),
            (Some("application/x-protobuf"), Some(Protobuf)),
            (Some("application/json,application/x-protobuf"), Some(Json)),
            (Some("application/x-protobuf,application/json"), Some(Json)),
            (Some("application/x-protobuf, */*"), Some(Json)),
            (Some("text/html, application/x-protobuf"), Some(Protobuf)),
            (Some("APPLICATION/JSON"), Some(Json)),
            (Some("Application/*"), Some(Json)),
            (Some("application/json;q=0"), None),
            (Some("application/json;q=0.0"), None),
            (Some("application/json;q=0, */*"), Some(Protobuf)),
            (Some("application/json;q=0,application/x-protobuf"), Some(Protobuf)),
            (Some("*/*;q=0"), None),
            (Some("application/json;q=0.5,application/x-protobuf;q=1"), Some(Json)),
            (Some("application/json;q="), Some(Json)),
            (Some("application/json;q=x"), None),
            (Some("application/json;q=1;q=0"), Some(Json)),
            (Some("application/json;q=0;q=0"), Some(Json)),
            (Some("application/json;q=-1"), None),
            (Some("application/json; q = 0"), None),
            (Some("application/json;charset=utf-8"), Some(Json)),
            (Some("application/json;charset=utf-8;q=0"), None),
            (Some("application/json;Q=0"), Some(Json)),
            (Some("application/*;q=0,application/x-protobuf"), Some(Protobuf)),
            (Some("application/*;q=0,*/*"), None),
            (Some("*/*;q=0,application/x-protobuf"), Some(Protobuf)),
            (Some("application/json;q=0,application/json;q=1"), None),
            (Some("application/json;q=1,application/json;q=0"), Some(Json)),
            (Some(";q=0"), None),
            (Some(","), None),
            (Some(";,;"), None),
            (Some("application/json,"), Some(Json)),
            (Some(" application/json "), Some(Json)),
            (Some("application / json"), Some(Json)),
            (Some("application/json/x"), None),
            (Some("application/jsonx"), None),
            (Some("application/recordio"), None),
            (Some("application/json;q=0x1"), None),
            (Some("application/json;q=1e-5"), Some(Json)),
            (Some("application/json;q=inf"), Some(Json)),
            (Some("application/json;q=nan"), None),
            (Some("application/json;q=+1"), Some(Json)),
            (Some("application/json;q=1."), Some(Json)),
            (Some("application/json;q=.5"), Some(Json)),
            (Some("application/json;;q=0"), None),
            (Some("application/json;q==0"), None),
            (Some("application/json;q=0=1"), Some(Json)),
            (Some("\t*/*"), Some(Json)),
        ];
        for (accept, expected) in cases {
            assert_eq!(negotiate(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn other_media_types_can_be_asked_for() {
        assert!(accepts(Some("application/recordio"), "application/recordio"));
        assert!(!accepts(Some("application/json"), "application/recordio"));
        assert!(!accepts(Some("*/*"), "nonsense"));
    }
}
