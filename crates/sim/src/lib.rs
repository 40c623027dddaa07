//! The deterministic simulator: masters, agents and schedulers under one seed, with faults.
//!
//! The real cores run here; what is simulated is the world between them: connections that are late and break, hosts that
//! crash or stand still, an election, a slow and fenced registry, schedulers with habits, executors. First things go wrong while safety is watched
//! (`invariant/`), then faults stop and everything must settle. The same seed is the same story, so a failure is replayed
//! by its seed: `cargo run -p tepui-sim -- --seed N`.
//!
//! Start reading at `simulation.rs`, then `cluster.rs`, `fault.rs` and `election.rs`; `scheduler.rs` has the kinds of
//! schedulers.

mod agent_host;
mod cluster;
mod election;
mod executor;
mod fault;
mod invariant;
mod maintenance;
mod master_host;
mod network;
mod queue;
mod registry;
mod report;
mod scheduler;
mod scheduler_host;
mod simulation;
mod trace;

pub use report::Failure;
pub use simulation::{Story, run};
