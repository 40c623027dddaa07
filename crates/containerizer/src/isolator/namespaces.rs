//! Isolators that give containers namespaces of their own.

pub(crate) mod ipc;
pub(crate) mod pid;
