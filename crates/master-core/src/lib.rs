//! The master's decisions as a deterministic state machine.
//!
//! [`Master::step`] takes one [`Input`] and says in [`Effects`] what is to be done. There are no sockets, files, clocks
//! or threads here; the shell (`tepui-master`) and the simulator (`tepui-sim`) supply them. Start reading at
//! `input.rs`: it lists everything that can happen.

mod change;
mod config;
mod effect;
mod input;

pub use change::{AgentEntity, AgentRemoval, Change, Counter, FrameworkEntity, OfferFate, TaskAfterlife};
pub use config::Config;
pub use effect::{Effect, Effects, RegistryWrite, Rejection, RejectionKind, Response};
pub use input::{Input, Registry, RequestId, SchedulerCall, StoreId, StreamId};
