//! Sets of whole numbers kept as ranges, such as ports.

use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

use tepui_proto::v1;

/// A range of numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The first number.
    pub begin: u64,
    /// The last number, never less than `begin` within [`Ranges`].
    pub end: u64,
}

/// Ranges in ascending order that neither overlap nor touch. A clone shares them.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Arc<Vec<Range>>);

impl Ranges {
    /// Sorts and joins any ranges; those that end before they begin are left out.
    pub fn new(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut ranges: Vec<Range> = ranges.into_iter().filter(|range| range.begin <= range.end).collect();
        coalesce(&mut ranges);
        Self(Arc::new(ranges))
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> std::slice::Iter<'_, Range> {
        self.0.iter()
    }

    /// Tells whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers there are; all 2^64 count as one less.
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |count: u64, range| count.saturating_add(range.end - range.begin).saturating_add(1))
    }

    /// Tells whether every number of `other` is here too.
    pub fn contains(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || other.iter().all(|range| {
                let after = self.0.partition_point(|own| own.begin <= range.begin);
                after > 0 && range.end <= self.0[after - 1].end
            })
    }

    /// Tells whether this number is here.
    pub fn contains_value(&self, value: u64) -> bool {
        let after = self.0.partition_point(|own| own.begin <= value);
        after > 0 && value <= self.0[after - 1].end
    }

    /// The message that carries these ranges.
    pub fn to_proto(&self) -> v1::value::Ranges {
        let range =
            self.iter().map(|range| v1::value::Range { begin: range.begin, end: range.end }).collect();
        v1::value::Ranges { range }
    }
}

impl<'a> IntoIterator for &'a Ranges {
    type Item = &'a Range;
    type IntoIter = std::slice::Iter<'a, Range>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Sorts, then joins what overlaps or touches.
fn coalesce(ranges: &mut Vec<Range>) {
    if !ranges.is_sorted() {
        ranges.sort_unstable();
    }
    ranges.dedup_by(|next, kept| {
        let joins = next.begin <= kept.end.saturating_add(1);
        if joins {
            kept.end = kept.end.max(next.end);
        }
        joins
    });
}

/// What is left of `left`, given that both are ascending and disjoint.
fn subtract(left: &[Range], right: &[Range]) -> Vec<Range> {
    let mut result = Vec::with_capacity(left.len() + 1);
    let mut right = right.iter().copied().peekable();
    for own in left {
        let mut begin = own.begin;
        let mut rest = true;
        while right.next_if(|cut| cut.end < begin).is_some() {}
        while let Some(cut) = right.peek().copied().filter(|cut| cut.begin <= own.end) {
            if cut.begin > begin {
                result.push(Range { begin, end: cut.begin - 1 });
            }
            if cut.end >= own.end {
                rest = false;
                break;
            }
            begin = cut.end + 1;
            right.next();
        }
        if rest {
            result.push(Range { begin, end: own.end });
        }
    }
    result
}

impl From<&v1::value::Ranges> for Ranges {
    fn from(ranges: &v1::value::Ranges) -> Self {
        Self::new(ranges.range.iter().map(|range| Range { begin: range.begin, end: range.end }))
    }
}

impl AddAssign<&Ranges> for Ranges {
    fn add_assign(&mut self, other: &Ranges) {
        if other.is_empty() {
            return;
        }
        let ranges = Arc::make_mut(&mut self.0);
        ranges.extend_from_slice(&other.0);
        coalesce(ranges);
    }
}

impl SubAssign<&Ranges> for Ranges {
    fn sub_assign(&mut self, other: &Ranges) {
        if !self.is_empty() && !other.is_empty() {
            self.0 = Arc::new(subtract(&self.0, &other.0));
        }
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_ranges(f, self.iter().copied())
    }
}

/// Writes `[1-2, 5-5]`.
pub(crate) fn write_ranges(f: &mut fmt::Formatter<'_>, ranges: impl Iterator<Item = Range>) -> fmt::Result {
    f.write_str("[")?;
    for (i, Range { begin, end }) in ranges.enumerate() {
        let separator = if i > 0 { ", " } else { "" };
        write!(f, "{separator}{begin}-{end}")?;
    }
    f.write_str("]")
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ranges({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges(pairs: &[(u64, u64)]) -> Ranges {
        Ranges::new(pairs.iter().map(|&(begin, end)| Range { begin, end }))
    }

    #[test]
    fn touching_and_overlapping_ranges_join() {
        assert_eq!(ranges(&[(5, 6), (1, 2), (3, 4), (6, 9)]).to_string(), "[1-9]");
        assert_eq!(ranges(&[(8, 9), (1, 2)]).to_string(), "[1-2, 8-9]");
        assert_eq!(ranges(&[(1, 10), (3, 4), (12, 13)]).to_string(), "[1-10, 12-13]");
    }

    #[test]
    fn the_ends_of_the_numbers_do_not_overflow() {
        let all = ranges(&[(0, u64::MAX), (u64::MAX, u64::MAX)]);
        assert_eq!(all.to_string(), "[0-18446744073709551615]");
        assert_eq!(all.count(), u64::MAX);
        let mut rest = all.clone();
        rest -= &ranges(&[(0, 0), (u64::MAX, u64::MAX)]);
        assert_eq!(rest.to_string(), "[1-18446744073709551614]");
        rest -= &all;
        assert!(rest.is_empty());
    }

    #[test]
    fn inverted_ranges_are_nothing() {
        assert!(ranges(&[(2, 1)]).is_empty());
    }

    fn any_ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0_u64..40, 0_u64..8), 0..6).prop_map(|pairs| {
            Ranges::new(pairs.into_iter().map(|(begin, more)| Range { begin, end: begin + more }))
        })
    }

    fn numbers(ranges: &Ranges) -> BTreeSet<u64> {
        ranges.iter().flat_map(|range| range.begin..=range.end).collect()
    }

    proptest! {
        #[test]
        fn ranges_are_sets_of_numbers(left in any_ranges(), right in any_ranges()) {
            let (own, other) = (numbers(&left), numbers(&right));
            let mut sum = left.clone();
            sum += &right;
            prop_assert_eq!(numbers(&sum), &own | &other);
            let mut difference = left.clone();
            difference -= &right;
            prop_assert_eq!(numbers(&difference), &own - &other);
            prop_assert_eq!(left.contains(&right), own.is_superset(&other));
            prop_assert_eq!(left.count(), own.len() as u64);
            prop_assert_eq!(Ranges::new(sum.iter().copied()), sum);
        }
    }
}
