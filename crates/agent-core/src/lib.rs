//! The agent's decisions as a deterministic state machine.
