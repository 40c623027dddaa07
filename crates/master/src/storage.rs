//! Where the registry is kept.
//!
//! `--registry=in_memory`: the writes are remembered for as long as the process lives, and are durable as soon as they
//! are made. This module is the seam for the stores that outlive it.

use tepui_master_core::{Registry, RegistryWrite};

/// The registry of a master.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    rows: Registry,
}

impl Storage {
    /// Reads all that is kept.
    pub(crate) fn recover(&self) -> Registry {
        self.rows.clone()
    }

    /// Makes these writes, together and at once.
    pub(crate) fn store(&mut self, writes: Vec<RegistryWrite>) {
        for write in writes {
            self.rows.write(write);
        }
    }
}
