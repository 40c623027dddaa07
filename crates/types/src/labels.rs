//! Labels: what equality means for them, and how they show.

use std::fmt;

use tepui_proto::v1;

/// Labels that a caller sends are few; beyond this many, order counts, so that comparing cannot take quadratic time.
const MAX_UNORDERED: usize = 256;

/// Tells whether two sets of labels are the same, in whatever order.
pub fn labels_equal(left: &v1::Labels, right: &v1::Labels) -> bool {
    if left.labels.len() != right.labels.len() {
        return false;
    }
    left.labels == right.labels
        || (left.labels.len() <= MAX_UNORDERED
            && left.labels.iter().all(|label| right.labels.contains(label))
            && right.labels.iter().all(|label| left.labels.contains(label)))
}

/// Writes `{key: value, key}`.
pub(crate) fn write_labels(f: &mut fmt::Formatter<'_>, labels: &v1::Labels) -> fmt::Result {
    f.write_str("{")?;
    for (i, label) in labels.labels.iter().enumerate() {
        let separator = if i > 0 { ", " } else { "" };
        write!(f, "{separator}{}", label.key)?;
        if let Some(value) = &label.value {
            write!(f, ": {value}")?;
        }
    }
    f.write_str("}")
}

/// Labels that show as Mesos shows them.
#[derive(Debug)]
pub struct DisplayLabels<'a>(pub &'a v1::Labels);

impl fmt::Display for DisplayLabels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_labels(f, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, Option<&str>)]) -> v1::Labels {
        let label = |&(key, value): &(&str, Option<&str>)| v1::Label {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        };
        v1::Labels { labels: pairs.iter().map(label).collect() }
    }

    #[test]
    fn order_does_not_matter() {
        let left = labels(&[("a", Some("1")), ("b", None)]);
        assert!(labels_equal(&left, &labels(&[("b", None), ("a", Some("1"))])));
        assert!(!labels_equal(&left, &labels(&[("a", Some("1"))])));
        assert!(!labels_equal(&left, &labels(&[("a", Some("1")), ("b", Some(""))])));
        assert_eq!(DisplayLabels(&left).to_string(), "{a: 1, b}");
    }
}
