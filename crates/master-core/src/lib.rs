//! The master's decisions as a deterministic state machine.
//!
//! [`Master::step`] takes one [`Input`] and says in [`Effects`] what is to be done. There are no sockets, files, clocks
//! or threads here; the shell (`tepui-master`) and the simulator (`tepui-sim`) supply them. Reads are answered by
//! `tepui-master-view`, from the journal of [`Change`]s.
//!
//! Start reading at `input.rs`, which lists everything that can happen, then `master.rs`. Calls of schedulers are in
//! `scheduler/`, those of old drivers in `driver/`, those of operators in `operator/`, messages of agents in `agent/`, the operations of ACCEPT in `operation/`: one file each.

mod agent;
mod books;
mod change;
mod config;
mod driver;
mod effect;
mod framework;
mod input;
mod inverse_offer;
mod maintenance;
mod master;
mod offer;
mod operation;
mod operator;
mod rate_limit;
mod registry;
mod scheduler;
mod task;
mod timers;
mod turn;
mod validation;

pub use agent::{PackedInfo, RemovalRate};
pub use books::{AgentBook, FrameworkBook};
pub use change::{
    AgentEntity, AgentRemoval, Change, Counter, FrameworkEntity, FrameworkNews, OfferFate, TaskAfterlife,
};
pub use config::{AllocatorConfig, Config};
pub use effect::{Effect, Effects, Rejection, RejectionKind, Response};
pub use framework::MAX_BACKLOG_BYTES;
pub use input::{Backlog, Input, OperatorCall, Reader, RequestId, SchedulerCall, StoreId, StreamId};
pub use master::Master;
pub use offer::OfferEntity;
pub use rate_limit::{RateLimits, RateLimitsError};
pub use registry::{Registry, RegistryWrite, machine_key};
