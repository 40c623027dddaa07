//! The registry: a store that outlives masters, and takes writes only of the one whose term began last.

use tepui_master_core::{Registry, RegistryWrite};

use crate::election::Term;

/// What is durable. The rules are those of `tepui-storage`'s memory store: a term begins only if no later one did, and
/// only the last that began may write.
#[derive(Debug, Default)]
pub(crate) struct Store {
    rows: Registry,
    term: Term,
}

impl Store {
    /// Begins a term, unless a later one has begun.
    pub(crate) fn begin_term(&mut self, term: Term) -> bool {
        let is_later = term > self.term;
        self.term = self.term.max(term);
        is_later
    }

    /// Whether this is the term that began last.
    pub(crate) fn is_current(&self, term: Term) -> bool {
        self.term == term
    }

    /// Makes a batch durable as a whole, if it is of the current term.
    pub(crate) fn commit(&mut self, term: Term, writes: Vec<RegistryWrite>) -> bool {
        if !self.is_current(term) {
            return false;
        }
        for write in writes {
            self.rows.write(write);
        }
        true
    }

    /// All rows.
    pub(crate) fn rows(&self) -> &Registry {
        &self.rows
    }

    pub(crate) fn recover(&self) -> Registry {
        self.rows.clone()
    }
}
