//! The master's shell: it moves bytes between the network, the core and the view, and decides nothing.
//!
//! Three parts, each with one owner and a queue in front of it:
//!
//! - the **reactor** (`reactor.rs`) owns the core. It drains all waiting inputs into a batch, steps the core with each,
//!   then publishes the batch's journal to the view, and only then carries out its effects: whoever is answered will
//!   find the change in any later read;
//! - the **reader** (`reader.rs`) owns the view, on a thread of its own. It folds all of the journal that there is before
//!   it renders each answer, so the core never waits for a read, and a read never misses what it must see;
//! - the **front** (`front.rs`, `routes/`) serves HTTP: requests to the scheduler API and messages of the link become
//!   inputs, all others become reads.
//!
//! A fourth, the **registrar** (`registrar.rs`), makes the core's writes durable; the reactor steps the core when they are.
//!
//! All of these live for one *term* (`term.rs`): candidacy, recovery, leadership. When that is lost they end, and a new
//! term begins with a new core, in the same process (`run.rs`).
//!
//! Both queues that peers fill are bounded, and a full one makes its peers wait. Start reading at [`run()`].

mod answer;
mod clock;
mod config;
mod election;
mod encoded_event;
mod flags;
mod from_flags;
mod front;
mod inbox;
mod journal_log;
mod leading;
mod link_inbox;
mod reactor;
mod reader;
mod registrar;
mod registrar_metrics;
mod registry;
mod rejection;
mod routes;
mod run;
mod streams;
mod subscribers;
mod system_metrics;
mod term;
mod whitelist;

pub use config::Config;
pub use election::ElectionConfig;
pub use flags::FLAGS;
pub use from_flags::ConfigError;
pub use registry::RegistryConfig;
pub use run::{Error, run};
