//! The agent's decisions as a deterministic state machine.
//!
//! [`Agent::step`] takes one [`Input`] and says in [`Effects`] what is to be done. There are no sockets, files, clocks
//! or processes here; the shell (`tepui-agent`) and the simulator (`tepui-sim`) supply them. Start reading at
//! `input.rs`: it lists everything that can happen. `master/` has a file for each message of the master, `executor/`
//! one for each call of the executor API, `status_update.rs` explains how updates travel,
//! `record.rs` what outlives the agent.

mod agent;
mod change;
mod check;
mod command_executor;
mod config;
mod container;
mod effect;
mod environment;
mod executor;
mod framework;
mod gate;
mod input;
mod master;
mod operation;
mod record;
mod recovery;
mod registration;
mod resources;
mod sandbox;
mod status_update;
mod task;
mod timers;

pub use agent::Agent;
pub use change::{Change, ExecutorEntity, ExecutorState, FrameworkEntity, TaskPlace};
pub use config::{Config, ReconfigurationPolicy, Recover};
pub use effect::{
    ContainerUpdate, Effect, Effects, KnownContainer, Launch, Rejection, RejectionKind, Response,
    VolumeChange, VolumeLink,
};
pub use input::{ExecutorCall, Input, Recovery, RequestId, StoreId, StreamId};
pub use record::{Record, Run, Speaks};
pub use task::staging_task;
pub use tepui_types::Termination;
