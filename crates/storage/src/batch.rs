//! What is written together.

use bytes::Bytes;

use crate::Key;

/// The most operations of a batch: etcd takes 128 in a transaction, and the stores add a few of their own.
pub const MAX_BATCH_OPERATIONS: usize = 100;

/// The most bytes of a batch, keys and values: ZooKeeper takes a request of 1 MiB.
pub const MAX_BATCH_BYTES: usize = 900 * 1000;

/// What one operation takes beyond its key and value, at most: paths, headers, ACLs.
const OPERATION_OVERHEAD: usize = 160;

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Write a row, whether it is there or not.
    Put(Key, Bytes),
    /// Remove a row, whether it is there or not.
    Delete(Key),
}

impl Operation {
    /// The row.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }

    fn bytes(&self) -> usize {
        let value = match self {
            Self::Put(_, value) => value.len(),
            Self::Delete(_) => 0,
        };
        OPERATION_OVERHEAD + self.key().leaf().len() + value
    }
}

/// Operations that take effect together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    operations: Vec<Operation>,
    bytes: usize,
}

/// Operations that do not fit into a batch any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a batch of {operations} operations and {bytes} bytes is over the limit of {MAX_BATCH_OPERATIONS} and \
     {MAX_BATCH_BYTES}"
)]
pub struct BatchFull {
    /// How many operations it would have.
    pub operations: usize,
    /// How many bytes.
    pub bytes: usize,
}

impl Batch {
    /// A batch that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds operations that belong together, all or none.
    ///
    /// # Errors
    /// They do not fit; the batch is as it was.
    pub fn add(&mut self, group: Vec<Operation>) -> Result<(), BatchFull> {
        let operations = self.operations.len() + group.len();
        let bytes = self.bytes + group.iter().map(Operation::bytes).sum::<usize>();
        if operations > MAX_BATCH_OPERATIONS || bytes > MAX_BATCH_BYTES {
            return Err(BatchFull { operations, bytes });
        }
        self.operations.extend(group);
        self.bytes = bytes;
        Ok(())
    }

    /// Its operations, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Takes its operations.
    pub fn into_operations(self) -> Vec<Operation> {
        self.operations
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// True if it does nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Its size, as the limit counts it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The last operation on each key. Stores that cannot change a key twice in one transaction (etcd) write these, in
    /// the order in which the keys first came.
    #[cfg(any(feature = "etcd", feature = "zookeeper"))]
    pub(crate) fn last_of_each_key(&self) -> Vec<&Operation> {
        let mut places = std::collections::BTreeMap::new();
        let mut last: Vec<&Operation> = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            match places.entry(operation.key()) {
                std::collections::btree_map::Entry::Occupied(place) => {
                    let at: usize = *place.get();
                    last[at] = operation;
                }
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(last.len());
                    last.push(operation);
                }
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Space;

    fn put(id: &str, bytes: usize) -> Operation {
        Operation::Put(Key::new(Space::Agents, id).unwrap(), Bytes::from(vec![0; bytes]))
    }

    #[test]
    fn a_group_that_does_not_fit_leaves_the_batch_as_it_was() {
        let mut batch = Batch::new();
        for _ in 0..MAX_BATCH_OPERATIONS - 1 {
            batch.add(vec![put("a", 1)]).unwrap();
        }
        let before = batch.clone();
        assert_eq!(
            batch.add(vec![put("b", 1), put("c", 1)]).unwrap_err().operations,
            MAX_BATCH_OPERATIONS + 1
        );
        assert_eq!(batch, before);
        batch.add(vec![put("b", 1)]).unwrap();
        assert!(Batch::new().add(vec![put("a", MAX_BATCH_BYTES)]).is_err());
    }

    #[cfg(any(feature = "etcd", feature = "zookeeper"))]
    #[test]
    fn the_last_operation_on_a_key_counts() {
        let mut batch = Batch::new();
        let delete = Operation::Delete(Key::new(Space::Agents, "a").unwrap());
        batch.add(vec![put("a", 1), put("b", 2), delete.clone()]).unwrap();
        assert_eq!(batch.last_of_each_key(), [&delete, &put("b", 2)]);
    }
}
