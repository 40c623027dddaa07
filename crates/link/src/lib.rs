//! The message transport between masters, agents and old drivers: HTTP POSTs as Mesos sends them.
//!
//! A message is `(from, to, name, bytes)`. It travels as `POST /<to>/<name>` on a connection that the *sender* opens;
//! answers travel on connections of the other side. So a daemon's [`Link`] has two halves that share only the address:
//!
//! - **Outbound**: one queue and at most one connection per peer address, whatever number of actors live there.
//!   Messages to one address arrive in order. All that is queued goes out in one write, without waiting for responses,
//!   which are read and thrown away. [`Link::link`] keeps the connection open, and its end is reported once for each
//!   linked actor ([`LinkEvent::Broken`]); after that the queue is empty and nothing is linked. Without a link the
//!   connection is closed when it has been idle for a while, and its failures are nobody's news.
//! - **Inbound**: the daemon's HTTP front gives us the requests that [`ignores_answers, is_link_request`] recognises. Each becomes a
//!   [`LinkEvent::Received`] before it is answered, so a full event channel slows the senders down.
//!
//! What this is *not*: it knows nothing of what messages mean, it does not resend, and it does not authenticate. A link
//! says only that a process listens at the address, not that the actor lives.

mod actors;
mod config;
mod inbound;
mod link;
mod outbound;

pub use config::LinkConfig;
pub use inbound::{ignores_answers, is_link_request};
pub use link::{Link, LinkEvent};
pub use tepui_types::Upid;
