//! The conformance suite: what the Scheduler API does, as transcripts that a real Mesos 1.11.0 wrote.
//!
//! `cases/` holds one file per topic, each with many cases. A case is a list of steps, with what came of each below it
//! (`script.rs` explains the format). The schedulers and the *agents* of a case are ours: the agents register over the
//! link like real ones, but do only what the case says, so that every answer is the master's. `run.rs` is the table of all
//! steps. The expected transcripts are never written from our own master:
//!
//! - `UPDATE=1 cargo run -p tepui-conformance -- --oracle` (or `--master HOST:PORT`) writes them from a real Mesos;
//! - `cargo test -p tepui-conformance` holds our master against them.
//!
//! Where ours differs on purpose, `differences/` has its own transcript with the reason; what ours cannot do yet is in
//! `pending.txt`. A case that is listed but does not differ is an error too, so both lists stay true.
//!
//! Ids, times, ports and uuids become placeholders such as `<offer:1>` (`placeholders.rs`), which steps use as well.
//! Nothing waits for a time: after each step messages are sent all the way round (`sync.rs`), and what comes before them
//! has come. Only offers, which a real master makes in its own time, are waited for by a step of their own.

mod agent;
mod client;
mod drive;
mod events;
mod macros;
mod masters;
mod placeholders;
mod run;
mod scheduler;
mod script;
mod show;
mod suite;
mod sync;
mod watcher;

pub use drive::Target;
pub use masters::{OurMaster, RealMaster};
pub use run::run_case;
pub use script::{Case, CaseFile, Step};
pub use suite::{Outcome, Suite};
