//! The names under which this process receives.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{PoisonError, RwLock};

/// The actors of this process: single names, and families such as `slave-observer(N)`.
#[derive(Default)]
pub(crate) struct Actors(RwLock<Known>);

/// Claims the names that belong to a family.
type Family = Box<dyn Fn(&str) -> bool + Send + Sync>;

#[derive(Default)]
struct Known {
    names: BTreeSet<String>,
    families: Vec<Family>,
}

impl Actors {
    pub(crate) fn add(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).names.insert(name.to_owned());
    }

    pub(crate) fn add_family(&self, belongs: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).families.push(Box::new(belongs));
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).names.remove(name);
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.names.contains(name) || known.families.iter().any(|belongs| belongs(name))
    }
}

impl fmt::Debug for Actors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        formatter.debug_struct("Actors").field("names", &known.names).finish_non_exhaustive()
    }
}
