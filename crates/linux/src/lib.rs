//! Safe wrappers of what Linux offers to run other people's programs.
//!
//! Processes: starting one in a session of its own ([`Spawn`]), waiting for its end ([`Process`], [`PidFd`]), finding
//! everything that it started ([`ProcessTable`]) and ending all of it ([`kill_trees`]). For a program of one thread, the
//! steps of a fork apart ([`SingleThread`], [`execute()`]), with namespaces and cgroups.
//!
//! This is the only crate with `unsafe`: one operation per block, each with its proof. It makes no policy.

#![expect(unsafe_code, reason = "this crate is the one home of unsafe code")]

mod capabilities;
mod cgroup;
mod channel;
mod credentials;
mod execute;
mod filter;
mod fork;
mod go_on;
mod init;
mod kill;
mod limits;
mod mount;
mod pidfd;
mod process_table;
mod reap;
mod signal;
mod spawn;
mod subreaper;
mod terminal;
mod vfork;

pub use capabilities::{
    Capabilities, keep_capabilities, limit_capabilities, permitted_capabilities, set_capabilities,
};
pub use cgroup::{Cgroup, Hierarchies, Version};
pub use channel::{MAX_FILES, receive_with_files, send_with_files};
pub use credentials::{Credentials, CredentialsError, current_user_name, is_root};
pub use execute::{
    become_user, close_all_but, close_on_execute, die_with_parent, execute, lead_session, reset_signals,
    set_no_new_privileges, take_as_standard,
};
pub use filter::set_system_call_filter;
pub use fork::{Fork, Forked, Namespaces, SingleThread, enter_namespaces, exit_now, unshare_namespaces};
pub use go_on::{Layout, go_on};
pub use init::{block_signals, wait_for};
pub use kill::{kill_trees, signal_tree};
pub use limits::{LimitedResource, set_limit};
pub use mount::{bind, mount_new, receive_mounts_only, unmount};
pub use pidfd::PidFd;
pub use process_table::{ProcessEntry, ProcessTable};
pub use reap::{peek_status, reap};
pub use signal::Signal;
pub use spawn::{Output, Process, Spawn};
pub use subreaper::{become_subreaper, children, reap_orphans};
pub use terminal::{Terminal, control_terminal, open_terminal, set_nonblocking, set_window_size};
