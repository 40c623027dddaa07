//! Amounts of scalar resources as the sorter keeps them: short vectors under interned names.

use std::collections::BTreeMap;

/// How many names of resources count to shares. Agents choose names, so there must be an end.
const MAX_NAMES: usize = 1024;

/// The interned name of a scalar resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(u16);

/// The names seen so far. Names beyond the limit are not known, and so do not count to shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    by_text: BTreeMap<String, Name>,
    excluded: Vec<bool>,
    never_counted: Vec<String>,
}

impl Names {
    pub(crate) fn new(never_counted: Vec<String>) -> Self {
        Self { never_counted, ..Self::default() }
    }

    pub(crate) fn intern(&mut self, text: &str) -> Option<Name> {
        if let Some(name) = self.by_text.get(text) {
            return Some(*name);
        }
        if self.by_text.len() == MAX_NAMES {
            return None;
        }
        let name = Name(u16::try_from(self.by_text.len()).ok()?);
        self.by_text.insert(text.to_owned(), name);
        self.excluded.push(self.never_counted.iter().any(|excluded| excluded == text));
        Some(name)
    }

    /// The name of a text that was seen before.
    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        self.by_text.get(text).copied()
    }

    fn counts(&self, name: Name) -> bool {
        !self.excluded[usize::from(name.0)]
    }
}

/// Amounts in thousandths, ordered by name, without zeros. Wide enough that sums over a cluster cannot overflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quantities(Vec<(Name, i128)>);

impl Quantities {
    /// Adds an amount, which may be negative.
    pub(crate) fn add_amount(&mut self, name: Name, thousandths: i128) {
        match self.0.binary_search_by_key(&name, |(name, _)| *name) {
            Ok(place) => {
                self.0[place].1 += thousandths;
                if self.0[place].1 == 0 {
                    self.0.remove(place);
                }
            }
            Err(place) if thousandths != 0 => self.0.insert(place, (name, thousandths)),
            Err(_) => {}
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            self.add_amount(*name, *amount);
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            self.add_amount(*name, -*amount);
        }
    }

    /// By how much these amounts exceed others.
    pub(crate) fn beyond(&self, other: &Self) -> Self {
        let more = self.0.iter().map(|(name, amount)| (*name, amount - other.amount(*name)));
        Self(more.filter(|(_, amount)| *amount > 0).collect())
    }

    pub(crate) fn has_negative(&self) -> bool {
        self.0.iter().any(|(_, amount)| *amount < 0)
    }

    pub(crate) fn amount(&self, name: Name) -> i128 {
        self.0.binary_search_by_key(&name, |(name, _)| *name).map_or(0, |place| self.0[place].1)
    }

    /// The largest part that these amounts are of any resource's total.
    #[expect(clippy::cast_precision_loss, reason = "a share is a ratio; fifteen digits of it are plenty")]
    pub(crate) fn dominant_share(&self, totals: &Self, names: &Names) -> f64 {
        let mut share = 0.0_f64;
        for (name, amount) in &self.0 {
            let total = totals.amount(*name);
            if total > 0 && names.counts(*name) {
                share = share.max(*amount as f64 / total as f64);
            }
        }
        share
    }

    /// Whether any amount is off by more than one part in `parts`, or there is a name that only one of the two has.
    pub(crate) fn drifted_from(&self, measured: &Self, parts: i128) -> bool {
        self.0.len() != measured.0.len()
            || self.0.iter().zip(&measured.0).any(|((name, amount), (measured_name, measured))| {
                name != measured_name || (amount - measured).abs() * parts > measured.abs()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dominant_share_ignores_excluded_names() {
        let mut names = Names::new(vec!["gpus".to_owned()]);
        let cpus = names.intern("cpus").unwrap();
        let gpus = names.intern("gpus").unwrap();
        let (mut totals, mut held) = (Quantities::default(), Quantities::default());
        totals.add_amount(cpus, 8000);
        totals.add_amount(gpus, 1000);
        held.add_amount(cpus, 2000);
        held.add_amount(gpus, 1000);
        assert!((held.dominant_share(&totals, &names) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn what_is_taken_away_again_leaves_nothing() {
        let mut names = Names::default();
        let cpus = names.intern("cpus").unwrap();
        let mut held = Quantities::default();
        held.add_amount(cpus, 5);
        let other = held.clone();
        held.subtract(&other);
        assert_eq!(held, Quantities::default());
        assert!(other.drifted_from(&held, 64));
        assert!(!other.drifted_from(&other, 64));
    }

    #[test]
    fn names_have_a_limit() {
        let mut names = Names::default();
        for number in 0..MAX_NAMES {
            assert!(names.intern(&number.to_string()).is_some());
        }
        assert!(names.intern("one more").is_none());
        assert!(names.intern("7").is_some());
    }
}
