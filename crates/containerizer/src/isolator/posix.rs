//! Isolators for any user: they measure through `/proc`, and set what POSIX has.

pub(crate) mod rlimits;
pub(crate) mod usage;
