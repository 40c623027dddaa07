//! The fold of the master's journal that answers every read.
