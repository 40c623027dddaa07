//! Schedulers that use the old driver: Mesos' own library, which Marathon, Spark, Aurora and Chronos embed.
//!
//! A driver is an actor on the link. What it sends becomes a v1 call and what it is told begins as a v1 event, so that
//! frameworks, offers and tasks are handled by the same code whichever way their scheduler came:
//!
//! - `call.rs`: its calls (`mesos.scheduler.Call`), with checks of their own; `legacy.rs`: the messages in their place
//!   that drivers of before 0.24 send. Neither is answered: who is not the framework's driver is ignored.
//! - `subscribe.rs`: registering, where a driver says itself whether it may throw out another (`force`).
//! - `message.rs`: the one table of events and the messages that they become.
//! - `disconnect.rs`: its link broke. There are no heartbeats, so a driver that cannot be reached is told so in case that
//!   it lives: it gives up then, and its framework can come back with a new driver.
//!
//! A driver's address is new with each run of a scheduler. A disconnected framework keeps it, because its driver may
//! still speak to us and may come back without force.

mod authenticate;
mod call;
mod deactivate;
mod disconnect;
mod legacy;
pub(crate) mod message;
mod subscribe;

use tepui_proto::internal;
use tepui_types::{FrameworkId, Upid};

use crate::framework::Framework;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// The framework, if its driver, connected or not, is the sender.
    pub(crate) fn framework_of_driver(&self, id: &FrameworkId, from: &Upid) -> Option<&Framework> {
        self.frameworks.registered.get(id).filter(|framework| framework.pid() == Some(from))
    }
}

/// Tells a driver, of a framework or not, what is wrong; it aborts then.
fn send_error(to: &Upid, message: impl Into<String>, turn: &mut Turn<'_>) {
    turn.send(to, internal::FrameworkErrorMessage { message: message.into() });
}
