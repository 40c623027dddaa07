//! The launcher: a small process of one thread that is the parent of all containers.
//!
//! An agent never forks: it is large and has many threads. It runs its own program once more, as `tepui launcher`, and
//! that small process forks for it. The launcher outlives the agent: while it is alone it keeps how containers ended, and
//! the agent that comes back asks for it. It ends when it has neither an agent nor a running container, and then leaves
//! the statuses in the runtime folder.
//!
//! A container that ended stays a zombie until the agent has cleaned up after it and says so ([`Launcher::release`]):
//! until then its process id, and so its session's, belongs to it.
//!
//! Agent and launcher talk over a socket in the runtime folder, [`protocol`] has their words. `connection` is the agent's
//! end; `process` and `child` are what the launcher does.

mod child;
mod connection;
mod own_command;
mod process;
mod protocol;

pub use connection::StartError;
pub(crate) use connection::{Launcher, Launching, Running, Survivor};
pub use own_command::OwnCommand;
pub use process::launcher_process;
pub use protocol::VERSION as PROTOCOL_VERSION;
pub(crate) use protocol::{Failure, Limit, Plan, User};
