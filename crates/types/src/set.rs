//! Sets of names, in the order in which they came.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

use tepui_proto::v1;

/// Sets up to this size are compared item by item; larger ones are indexed first, so that none takes quadratic time.
const SMALL: usize = 16;

/// Distinct names. A clone shares them. Equality does not look at their order, which only shows.
#[derive(Clone, Default)]
pub struct Set(Arc<Vec<Arc<str>>>);

impl Set {
    /// Keeps the first of each name.
    pub fn new<T: Into<Arc<str>>>(items: impl IntoIterator<Item = T>) -> Self {
        let mut seen = BTreeSet::new();
        let items = items.into_iter().map(Into::into).filter(|item: &Arc<str>| seen.insert(Arc::clone(item)));
        Self(Arc::new(items.collect()))
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether every name of `other` is here too.
    pub fn contains(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (other.len() <= self.len() && {
                let own = Index::new(&self.0);
                other.0.iter().all(|item| own.contains(item))
            })
    }

    /// The message that carries these names.
    pub fn to_proto(&self) -> v1::value::Set {
        v1::value::Set { item: self.iter().map(str::to_owned).collect() }
    }
}

/// Answers whether a name is in a set.
enum Index<'a> {
    Small(&'a [Arc<str>]),
    Large(BTreeSet<&'a str>),
}

impl<'a> Index<'a> {
    fn new(items: &'a [Arc<str>]) -> Self {
        if items.len() <= SMALL {
            Self::Small(items)
        } else {
            Self::Large(items.iter().map(AsRef::as_ref).collect())
        }
    }

    fn contains(&self, item: &str) -> bool {
        match self {
            Self::Small(items) => items.iter().any(|own| own.as_ref() == item),
            Self::Large(items) => items.contains(item),
        }
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.contains(other)
    }
}

impl Eq for Set {}

impl From<&v1::value::Set> for Set {
    fn from(set: &v1::value::Set) -> Self {
        Self::new(set.item.iter().map(String::as_str))
    }
}

impl AddAssign<&Set> for Set {
    fn add_assign(&mut self, other: &Set) {
        let own = Index::new(&self.0);
        let new: Vec<_> = other.0.iter().filter(|item| !own.contains(item)).cloned().collect();
        if !new.is_empty() {
            Arc::make_mut(&mut self.0).extend(new);
        }
    }
}

impl SubAssign<&Set> for Set {
    fn sub_assign(&mut self, other: &Set) {
        let other = Index::new(&other.0);
        if self.iter().any(|item| other.contains(item)) {
            Arc::make_mut(&mut self.0).retain(|item| !other.contains(item));
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_set(f, self.iter())
    }
}

/// Writes `{a, b}`.
pub(crate) fn write_set<'a>(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = &'a str>) -> fmt::Result {
    f.write_str("{")?;
    for (i, item) in items.enumerate() {
        let separator = if i > 0 { ", " } else { "" };
        write!(f, "{separator}{item}")?;
    }
    f.write_str("}")
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Set({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_shows_but_does_not_matter() {
        let mut set = Set::new(["b", "a", "b"]);
        assert_eq!(set.to_string(), "{b, a}");
        assert_eq!(set, Set::new(["a", "b"]));
        set += &Set::new(["c", "a"]);
        assert_eq!(set.to_string(), "{b, a, c}");
        set -= &Set::new(["a", "x"]);
        assert_eq!(set.to_string(), "{b, c}");
    }

    fn any_set() -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set("[a-z]", 0..26)
    }

    proptest! {
        #[test]
        fn sets_are_sets(left in any_set(), right in any_set()) {
            let set = |names: &BTreeSet<String>| Set::new(names.iter().map(String::as_str));
            let mut sum = set(&left);
            sum += &set(&right);
            prop_assert_eq!(&sum, &set(&(&left | &right)));
            let mut difference = set(&left);
            difference -= &set(&right);
            prop_assert_eq!(&difference, &set(&(&left - &right)));
            prop_assert_eq!(set(&left).contains(&set(&right)), left.is_superset(&right));
        }
    }
}
