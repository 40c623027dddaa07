//! Isolators that take power away from containers' processes.

pub(crate) mod capabilities;
pub(crate) mod nnp;
pub(crate) mod seccomp;
