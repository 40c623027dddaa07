//! The master's decisions as a deterministic state machine.
