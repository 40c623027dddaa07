//! Load for masters, ours and Mesos' alike: the same emulated agents and frameworks, the same plan, the same figures.
//!
//! - [`Plan`] says what a run does; [`run()`] does it against any master and gives a [`Report`].
//! - The **swarm** (`swarm/`) is tens of thousands of agents over the link's protocol; the **fleet** (`fleet/`) is schedulers
//!   over the v1 API. Both are state machines behind small socket loops, with their own HTTP and protobuf: whatever the
//!   load costs is taken from the machine that the master runs on.
//! - The **ledger** (`fleet/ledger.rs`) holds that each task ended exactly once. A run with a wrong ledger has no result.
//!
//! What this is *not*: a client library, or a test of conformance. It reads no more of an answer than it must.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "measured figures are rounded anyway"
)]

mod board;
mod clock;
mod codec_load;
mod core_load;
mod fleet;
mod http1;
mod instructions;
mod plan;
mod plot;
mod process;
mod protobuf;
mod reads;
mod report;
mod run;
mod socket;
mod swarm;

pub use core_load::{WORKLOADS, Workload, memory};
pub use instructions::instructions;
pub use plan::Plan;
pub use plot::{Plot, Series};
pub use process::{Memory, Process};
pub use reads::ReadResult;
pub use report::{Phase, Report};
pub use run::{Target, run};
