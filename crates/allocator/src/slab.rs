//! Storage under small indexes: entities refer to each other by index, and a lookup is an array access.

use std::fmt;
use std::marker::PhantomData;

/// The place of a `T` in its [`Slab`]. Valid until the entry is removed; then it may be given to another.
pub(crate) struct Index<T>(u32, PhantomData<fn() -> T>);

impl<T> Index<T> {
    const fn new(place: u32) -> Self {
        Self(place, PhantomData)
    }
}

impl<T> Clone for Index<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Index<T> {}

impl<T> PartialEq for Index<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Index<T> {}

impl<T> PartialOrd for Index<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Index<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> fmt::Debug for Index<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Entries under indexes; freed places are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Option<T>>,
    vacant: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, entry: T) -> Index<T> {
        if let Some(place) = self.vacant.pop() {
            self.entries[place as usize] = Some(entry);
            return Index::new(place);
        }
        let place = u32::try_from(self.entries.len()).expect("fewer than 2^32 entries fit in memory");
        self.entries.push(Some(entry));
        Index::new(place)
    }

    pub(crate) fn remove(&mut self, index: Index<T>) -> Option<T> {
        let entry = self.entries.get_mut(index.0 as usize)?.take();
        if entry.is_some() {
            self.vacant.push(index.0);
        }
        entry
    }

    pub(crate) fn get(&self, index: Index<T>) -> Option<&T> {
        self.entries.get(index.0 as usize)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Index<T>, &T)> {
        (0..).zip(&self.entries).filter_map(|(place, entry)| Some((Index::new(place), entry.as_ref()?)))
    }

    pub(crate) fn indexes(&self) -> Vec<Index<T>> {
        self.iter().map(|(index, _)| index).collect()
    }
}

impl<T> std::ops::Index<Index<T>> for Slab<T> {
    type Output = T;

    fn index(&self, index: Index<T>) -> &T {
        self.entries[index.0 as usize].as_ref().expect("an index in use names a live entry")
    }
}

impl<T> std::ops::IndexMut<Index<T>> for Slab<T> {
    fn index_mut(&mut self, index: Index<T>) -> &mut T {
        self.entries[index.0 as usize].as_mut().expect("an index in use names a live entry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        assert!(slab.get(a).is_none());
        let c = slab.insert('c');
        assert_eq!(c, a);
        assert_eq!(slab[b], 'b');
        assert_eq!(slab.indexes(), [c, b]);
    }
}
