//! Amounts of scalar resources as the sorter keeps them: short vectors under interned names.

use std::collections::BTreeMap;

use tepui_types::ResourceName;

/// How many names of resources count to shares. Agents choose names, so there must be an end.
const MAX_NAMES: usize = 1024;

/// The interned name of a scalar resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(u16);

/// The names seen so far. Names beyond the limit are not known, and so do not count to shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    by_text: BTreeMap<String, Name>,
    /// Those that every cluster has, in the order of [`place`].
    usual: [Option<Name>; 3],
    excluded: Vec<bool>,
    never_counted: Vec<String>,
}

impl Names {
    pub(crate) fn new(never_counted: Vec<String>) -> Self {
        Self { never_counted, ..Self::default() }
    }

    /// As [`Names::intern`], without a search for the usual ones.
    pub(crate) fn intern_resource(&mut self, resource: &ResourceName) -> Option<Name> {
        let Some(place) = place(resource) else { return self.intern(resource.as_str()) };
        if self.usual[place].is_none() {
            self.usual[place] = self.intern(resource.as_str());
        }
        self.usual[place]
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

fn place(resource: &ResourceName) -> Option<usize> {
    match resource {
        ResourceName::Cpus => Some(0),
        ResourceName::Mem => Some(1),
        ResourceName::Disk => Some(2),
        ResourceName::Ports | ResourceName::Gpus | ResourceName::Other(_) => None,
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
        self.add_all(other, |amount| amount);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.add_all(other, |amount| -amount);
    }

    fn add_all(&mut self, other: &Self, signed: impl Fn(i128) -> i128) {
        let has_same_names =
            self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(own, other)| own.0 == other.0);
        if !has_same_names {
            return other.0.iter().for_each(|(name, amount)| self.add_amount(*name, signed(*amount)));
        }
        let mut has_zeros = false;
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.1 += signed(other.1);
            has_zeros |= own.1 == 0;
        }
        if has_zeros {
            self.0.retain(|(_, amount)| *amount != 0);
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
    pub(crate) fn dominant_share(&self, totals: &Self, names: &Names) -> f64 {
        let mut share = 0.0_f64;
        for (place, (name, amount)) in self.0.iter().enumerate() {
            // Most often both have the same names.
            let total = match totals.0.get(place) {
                Some((same, total)) if same == name => *total,
                Some(_) | None => totals.amount(*name),
            };
            if total > 0 && names.counts(*name) {
                share = share.max(to_f64(*amount) / to_f64(total));
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

/// The nearest float. Processors convert numbers of 64 bits at once, wider ones bit by bit, so this is made of two parts:
/// both are exact, and only their sum is rounded.
#[expect(clippy::cast_precision_loss, reason = "a share is a ratio; fifteen digits of it are plenty")]
#[expect(clippy::cast_possible_truncation, reason = "sums of 2^32 amounts of 64 bits are below 2^95")]
fn to_f64(amount: i128) -> f64 {
    const LOW: i128 = 1 << 32;
    (amount >> 32) as i64 as f64 * LOW as f64 + (amount & (LOW - 1)) as i64 as f64
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
    fn usual_names_are_names_like_others() {
        let mut names = Names::default();
        let mem = names.intern("mem");
        assert_eq!(names.intern_resource(&ResourceName::Mem), mem);
        for text in ["cpus", "disk", "gpus", "x"] {
            let name = names.intern_resource(&ResourceName::from(text));
            assert_eq!((names.intern(text), names.find(text)), (name, name));
        }
    }

    #[test]
    fn sums_do_not_depend_on_the_way_they_are_made() {
        let mut names = Names::default();
        let [a, b, c] = ["a", "b", "c"].map(|text| names.intern(text).unwrap());
        let quantities = |amounts: &[(Name, i128)]| {
            let mut quantities = Quantities::default();
            for (name, amount) in amounts {
                quantities.add_amount(*name, *amount);
            }
            quantities
        };
        for (left, right, sum) in [
            (vec![(a, 1), (b, 2)], vec![(a, 3), (b, -2)], vec![(a, 4)]),
            (vec![(a, 1)], vec![(b, 2), (c, 3)], vec![(a, 1), (b, 2), (c, 3)]),
            (vec![(a, 1), (b, 1)], vec![(b, 1), (c, 1)], vec![(a, 1), (b, 2), (c, 1)]),
        ] {
            let mut added = quantities(&left);
            added.add(&quantities(&right));
            assert_eq!(added, quantities(&sum));
            added.subtract(&quantities(&right));
            assert_eq!(added, quantities(&left));
        }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "this is what is compared")]
    fn floats_are_the_nearest_ones() {
        let mut random = fastrand::Rng::with_seed(1);
        for bits in 0..85 {
            for amount in [(1 << bits) - 1, 1 << bits, (1 << bits) + 1, random.i128(0..2 << bits)] {
                for amount in [amount, -amount] {
                    assert_eq!(to_f64(amount).to_bits(), (amount as f64).to_bits(), "{amount}");
                }
            }
        }
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
