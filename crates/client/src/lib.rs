//! A library for schedulers, executors and operators of Tepui and of Mesos: the v1 HTTP API, typed.
//!
//! - [`scheduler::subscribe`] gives a framework its events and a handle to make calls.
//! - [`executor::subscribe`] does the same for an executor, which it finds in the environment that the agent made.
//! - [`operator::Operator`] asks masters and agents; [`operator::subscribe`] gives a master's events.
//!
//! A whole scheduler, which keeps a task running until it finishes, is in `examples/run_task.rs`:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tepui_client::scheduler::{self, Acknowledge, Event, Options};
//! use tepui_proto::v1::FrameworkInfo;
//!
//! let masters = "zk://10.0.0.1:2181/mesos".parse()?; // or `etcd://...`, `host:port,host:port`, `file:///...`
//! let framework = FrameworkInfo { user: "root".into(), name: "example".into(), ..Default::default() };
//! let options = Options { acknowledge: Acknowledge::Implicit, ..Options::default() };
//! let (calls, mut events) = scheduler::subscribe(masters, framework, options);
//! while let Event::Subscribed(_) | Event::Disconnected { .. } | Event::Heartbeat = events.next().await? {}
//! calls.teardown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Both encodings are spoken. [`Masters`] says where the masters are; the leader is found by asking, or detected through
//! ZooKeeper or etcd (feature `detection`, on by default). Subscriptions heal by themselves: see the `subscription`
//! module, which decides all of it without I/O. Nothing runs in the background except the driving of open connections
//! and the watching of the group of masters: a subscription makes progress while its `next` is awaited.

mod address;
mod backoff;
mod caller;
mod connection;
mod event_stream;
pub mod executor;
mod leaders;
mod masters;
pub mod operator;
pub mod scheduler;
mod subscriber;
mod subscription;

pub use address::{Address, AddressError};
pub use caller::CallError;
pub use connection::TransportError;
pub use masters::{Masters, MastersError};
pub use subscriber::SubscribeError;
pub use tepui_wire::ContentType;
