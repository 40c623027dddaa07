//! The deterministic simulator: whole clusters of real cores, with faults, under a seed.
