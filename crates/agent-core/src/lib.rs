//! The agent's decisions as a deterministic state machine.
//!
//! `Agent::step` takes one [`Input`] and says in [`Effects`] what is to be done. There are no sockets, files, clocks
//! or processes here; the shell (`tepui-agent`) and the simulator (`tepui-sim`) supply them. Start reading at
//! `input.rs`: it lists everything that can happen.

mod change;
mod config;
mod effect;
mod input;

pub use change::{Change, ExecutorEntity, ExecutorState, FrameworkEntity, TaskPlace};
pub use config::Config;
pub use effect::{Effect, Effects, Launch, Rejection, RejectionKind, Response};
pub use input::{ExecutorCall, Input, RequestId, StreamId, Termination};
