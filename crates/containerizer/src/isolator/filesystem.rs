//! Isolators that show containers files: their volumes.

pub(crate) mod linux;
pub(crate) mod posix;
