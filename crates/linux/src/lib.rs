//! Safe wrappers of what Linux offers to run other people's programs.
//!
//! Processes for now: starting one in a session of its own ([`Spawn`]), waiting for its end ([`Process`], [`PidFd`]),
//! finding everything that it started ([`ProcessTable`]) and ending all of it ([`kill_trees`]).
//!
//! This is the only crate with `unsafe`: one operation per block, each with its proof. It makes no policy.

#![expect(unsafe_code, reason = "this crate is the one home of unsafe code")]

mod credentials;
mod kill;
mod pidfd;
mod process_table;
mod signal;
mod spawn;
mod subreaper;

pub use credentials::{Credentials, CredentialsError, current_user_name, is_root};
pub use kill::{kill_trees, signal_tree};
pub use pidfd::PidFd;
pub use process_table::{ProcessEntry, ProcessTable};
pub use signal::Signal;
pub use spawn::{Output, Process, Spawn};
pub use subreaper::{become_subreaper, children, reap_orphans};
