//! Master and agents in one process.
