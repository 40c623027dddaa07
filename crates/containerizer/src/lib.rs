//! The life of containers: their sandboxes, their start, their end.
//!
//! A container is a process in a session of its own with all that it starts. [`Containerizer`] launches it, reports
//! its end, destroys it, and finds it again after a restart of the agent; [`Sandbox`] is the folder that it runs in. The
//! processes are forked by the [launcher](launcher_process), a small process that outlives the agent, as does the
//! [server](switchboard_process) of a container whose output does not go straight to files. What a container
//! is allowed to use and to see (isolators, images) is prepared between [`Sandbox::create`] and the launch of its
//! process, in modules beside `launch`; what is not built is refused, and the container not run without.
//!
//! This crate decides nothing about tasks or executors: it does what the agent's core says.

mod config;
mod containerizer;
mod environment;
mod isolator;
mod kept;
mod launch;
mod launcher;
mod logger;
mod nested;
mod recover;
mod runtime;
mod sandbox;
mod start;
mod sweep;
mod switchboard;
mod termination;
mod volume;
mod watcher;

pub use config::{
    ContainerClass, ContainerConfig, Exited, Fetch, FetchRequest, Fetching, KnownContainer, Launched,
    PersistentVolume, Recovered, Settings,
};
pub use containerizer::{Containerizer, ContainerizerError, RemoveError};
pub use isolator::{IsolationError, IsolationSettings};
pub use launch::LaunchError;
pub use launcher::{OwnCommand, PROTOCOL_VERSION, StartError, launcher_process};
pub use logger::{LoggerError, LoggerSettings};
pub use nested::NestedLaunch;
pub use runtime::RuntimeError;
pub use sandbox::{Sandbox, SandboxError};
pub use switchboard::{AttachError, ContainerInput, OutputPiece, OutputStream, switchboard_process};
pub use tepui_linux::Signal;
pub use tepui_types::Termination;
pub use volume::{create_volume, empty_volume, link_volume, remove_volume, retire_volume};
