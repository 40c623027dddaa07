//! Master and agents in one process: a whole cluster on a laptop.
//!
//! [`Cluster`] starts and stops them; `tepui local` (`command.rs`) is thin over it. They are the same daemons as elsewhere,
//! and speak to each other over loopback sockets.

mod cluster;
mod command;
mod flags;

pub use cluster::{Cluster, Error, Options};
pub use command::command;
pub use flags::FLAGS;
