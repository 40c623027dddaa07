//! A library for schedulers, executors and operators of Tepui and of Mesos: the v1 HTTP API, typed.
//!
//! - [`scheduler::subscribe`] gives a framework its events and a handle to make calls.
//! - [`executor::subscribe`] does the same for an executor, which it finds in the environment that the agent made.
//! - [`operator::Operator`] asks masters and agents.
//!
//! Both encodings are spoken. Subscriptions heal by themselves: see the `subscription` module, which decides all of it
//! without I/O. Nothing runs in the background except the driving of open connections: a subscription makes progress
//! while its `next` is awaited.

mod address;
mod caller;
mod connection;
mod event_stream;
pub mod executor;
pub mod operator;
pub mod scheduler;
mod subscriber;
mod subscription;

pub use address::{Address, AddressError};
pub use caller::CallError;
pub use connection::TransportError;
pub use subscriber::SubscribeError;
pub use tepui_wire::ContentType;
