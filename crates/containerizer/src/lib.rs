//! The life of containers: their sandboxes, their start, their end.
//!
//! A container is a process in a session of its own with all that it starts. [`Containerizer`] launches it, reports
//! its end, and destroys it; [`Sandbox`] is the folder that it runs in. What a container is allowed to use and to see
//! (isolators, images, fetched files) is to be prepared between [`Sandbox::create`] and the launch of its process, in
//! modules beside `launch`; until they are there, a container that asks for it is refused and not run without.
//!
//! This crate decides nothing about tasks or executors: it does what the agent's core says.

mod containerizer;
mod environment;
mod launch;
mod sandbox;
mod sweep;
mod volume;

pub use containerizer::{Containerizer, Exited, Launched};
pub use launch::{ContainerConfig, LaunchError};
pub use sandbox::{Sandbox, SandboxError};
pub use volume::{create_volume, empty_volume, link_volume, remove_volume, retire_volume};
