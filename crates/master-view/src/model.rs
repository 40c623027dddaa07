//! How the older endpoints show things: not as their messages' JSON, but in shapes of their own.

pub(crate) mod agent;
pub(crate) mod command;
pub(crate) mod domain;
pub(crate) mod executor;
pub(crate) mod framework;
pub(crate) mod master_info;
pub(crate) mod offer;
