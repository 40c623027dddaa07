//! The removed frameworks that are remembered.

use std::collections::{BTreeSet, VecDeque};

use tepui_types::FrameworkId;

/// The ids of removed frameworks, the oldest first, up to a limit.
#[derive(Debug)]
pub(crate) struct CompletedFrameworks {
    limit: usize,
    order: VecDeque<FrameworkId>,
    ids: BTreeSet<FrameworkId>,
}

impl CompletedFrameworks {
    /// Remembers at most `limit` frameworks.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, order: VecDeque::new(), ids: BTreeSet::new() }
    }

    /// Tells whether this framework was removed.
    pub(crate) fn contains(&self, id: &FrameworkId) -> bool {
        self.ids.contains(id)
    }

    /// Remembers a framework; returns the one that is forgotten for it.
    pub(crate) fn add(&mut self, id: FrameworkId) -> Option<FrameworkId> {
        self.ids.insert(id.clone());
        self.order.push_back(id);
        if self.order.len() <= self.limit {
            return None;
        }
        let forgotten = self.order.pop_front()?;
        self.ids.remove(&forgotten);
        Some(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut completed = CompletedFrameworks::new(1);
        let (a, b) = (FrameworkId::new("a"), FrameworkId::new("b"));
        assert_eq!(completed.add(a.clone()), None);
        assert_eq!(completed.add(b.clone()), Some(a.clone()));
        assert!(completed.contains(&b));
        assert!(!completed.contains(&a));
        assert_eq!(CompletedFrameworks::new(0).add(a.clone()), Some(a));
    }
}
