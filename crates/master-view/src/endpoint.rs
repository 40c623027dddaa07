//! The older endpoints, one file each.

mod flags;
mod frameworks;
mod metrics_snapshot;
mod roles;
mod slaves;
mod state;
mod state_summary;
pub(crate) mod tasks;
mod version;
