//! What calls and reports must be like, one family of rules a file.
//!
//! All are pure functions. Their texts are Mesos' own, because clients show and match them.

pub(crate) mod agent;
pub(crate) mod call;
pub(crate) mod call_size;
pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod container;
pub(crate) mod executor;
pub(crate) mod framework;
pub(crate) mod offer;
pub(crate) mod offer_constraints;
pub(crate) mod operation;
pub(crate) mod resources;
pub(crate) mod task;
pub(crate) mod task_group;
