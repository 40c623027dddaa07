//! Isolators of the network.

pub(crate) mod ports;
