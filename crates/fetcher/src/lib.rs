//! Fetches what a command needs into its sandbox before it starts: `CommandInfo.URI`.
//!
//! Two halves share this crate. In the agent, [`Fetcher`] keeps the cache's book and starts a small process of our own
//! binary (`tepui fetcher`) per container. That process ([`command`]) does all that touches the network and the sandbox. It
//! runs as the task's user, so the kernel decides what may be read; its memory is gone when it ends; and to cancel a fetch
//! is to kill it.
//!
//! Nothing is ever written outside the sandbox: each folder on the way to a file is opened from its parent without
//! following links (`beneath`), and an archive's entry whose name or link leads elsewhere is refused.
//!
//! Start reading at `fetcher` for the agent's half, at `program` for the process.

mod beneath;
mod cache;
mod copy;
mod download;
mod error;
mod extract;
mod fetcher;
mod ftp;
mod http;
mod plan;
mod program;
mod stall;
mod uri;

pub use error::FetchError;
pub use fetcher::{Fetch, Fetcher, FetcherConfig, Metrics};
pub use program::command;
