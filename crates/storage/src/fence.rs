//! What shows a store that we still lead.

/// The mark of one term of leadership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// There is no election: this master is the only one. Two of them that share an etcd or a ZooKeeper by mistake still
    /// see each other's writes, and the later one wins.
    Alone,
    /// The memory store's own count of terms: the highest that was begun may write.
    Epoch(u64),
    /// A key of the election in the same etcd, and the revision that created it.
    Etcd {
        /// The key.
        key: Vec<u8>,
        /// When it was created.
        create_revision: i64,
    },
    /// The full path of our election node in the same ZooKeeper.
    ZooKeeper {
        /// The path.
        path: String,
    },
}
