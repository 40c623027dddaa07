//! The agent's shell: event loop, routes, links, containers. It moves bytes and decides nothing.
//!
//! - the **reactor** (`reactor.rs`) owns the core: it takes one input at a time from a bounded queue, folds what changed
//!   into the view, and then carries out the effects, so whoever is answered finds the change in any later read;
//! - the **journal** (`journal.rs`) keeps what must outlive the agent, and writes Mesos' layout of it (`meta.rs`);
//! - the **view** (`view.rs`) is what readers see: `/state` and `/metrics/snapshot`;
//! - the **front** (`front.rs`, `routes/`) serves HTTP: executor calls and messages of the link become inputs;
//! - the **files** (`files.rs`) are the sandboxes that readers may look into.
//!
//! Start reading at [`run()`].

mod clock;
mod command_executor;
mod config;
mod container_logger;
mod containers;
mod detection;
mod fetch;
mod files;
mod flags;
mod from_flags;
mod front;
mod gc;
mod inbox;
mod journal;
mod link_inbox;
mod machine;
mod meta;
mod reactor;
mod recover;
mod rejection;
mod routes;
mod run;
mod streams;
mod systemd;
mod view;

pub use command_executor::{command_executor, helper_version};
pub use config::Config;
pub use container_logger::ModuleError;
pub use flags::FLAGS;
pub use from_flags::ConfigError;
pub use gc::GcConfig;
pub use run::{Error, Stop, run};
pub use systemd::{SliceError, Systemd};
pub use tepui_containerizer::{OwnCommand, launcher_process, switchboard_process};
