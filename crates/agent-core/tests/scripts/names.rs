//! Short names for what is drawn at random.

use std::collections::BTreeMap;

/// Names by value, given as values appear: `c1`, `c2`, ...
#[derive(Debug)]
pub(crate) struct Names {
    prefix: char,
    by_value: BTreeMap<String, String>,
}

impl Names {
    pub(crate) fn new(prefix: char) -> Self {
        Self { prefix, by_value: BTreeMap::new() }
    }

    /// The name of a value.
    pub(crate) fn name(&mut self, value: &str) -> String {
        let next = format!("{}{}", self.prefix, self.by_value.len() + 1);
        self.by_value.entry(value.to_owned()).or_insert(next).clone()
    }

    /// The value of a name; a name that was never given stands for itself.
    pub(crate) fn value(&self, name: &str) -> String {
        let found = self.by_value.iter().find(|(_, known)| *known == name);
        found.map_or_else(|| name.to_owned(), |(value, _)| value.clone())
    }
}
