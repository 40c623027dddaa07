//! The master's registry: a store that outlives it, and is slow.

use std::collections::VecDeque;

use tepui_master_core::{Registry, RegistryWrite, StoreId};

/// What is durable, and what is about to be.
#[derive(Debug, Default)]
pub(crate) struct Store {
    rows: Registry,
    pending: VecDeque<(StoreId, Vec<RegistryWrite>)>,
}

impl Store {
    /// Takes a batch that becomes durable after those before it.
    pub(crate) fn begin(&mut self, id: StoreId, writes: Vec<RegistryWrite>) {
        self.pending.push_back((id, writes));
    }

    /// Makes the next batch durable.
    pub(crate) fn finish(&mut self) -> Option<StoreId> {
        let (id, writes) = self.pending.pop_front()?;
        for write in writes {
            self.rows.write(write);
        }
        Some(id)
    }

    /// The master is gone: some of what it had begun became durable.
    pub(crate) fn cut(&mut self, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(..=self.pending.len()) {
            self.finish();
        }
        self.pending.clear();
    }

    pub(crate) fn recover(&self) -> Registry {
        self.rows.clone()
    }
}
