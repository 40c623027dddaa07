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
