//! Lists with weights, as in `Accept` and `Accept-Encoding`.

/// Whether a list such as `gzip, *;q=0` accepts something, given the names that would match it, best first. The first
/// name that the list holds decides.
///
/// Compat: a weight of 0 refuses; others only accept, and never order. One that is no number refuses.
pub(crate) fn accepts(list: &str, names: &[&str]) -> bool {
    names.iter().find_map(|name| weight(list, name)).is_some_and(|weight| weight > 0.0)
}

fn weight(list: &str, name: &str) -> Option<f64> {
    list.split(',').find_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        parts.next().filter(|named| named.eq_ignore_ascii_case(name))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::trim);
        Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    })
}
