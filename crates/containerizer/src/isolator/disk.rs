//! Isolators that measure disk space.

pub(crate) mod du;
