//! A thin client of etcd's v3 API: the few calls that election and the registry need.
//!
//! `proto/etcd.proto` describes those calls; [`Client`] makes them. There is no election recipe and no retry policy
//! here: `tepui-ha` and `tepui-storage` own those. A call is tried at the next endpoint when one is unreachable, so what
//! is sent must be safe to send twice; transactions of both users are, because they compare before they write.
//!
//! TLS is rustls with ring, with the authorities that the [`Spec`] names and no others.

mod call;
mod client;
mod error;
mod ops;
mod spec;
mod watch;

/// etcd's messages.
#[expect(missing_docs, reason = "generated; etcd's API reference holds the documentation")]
#[expect(clippy::pedantic, reason = "generated")]
pub mod message {
    include!(concat!(env!("OUT_DIR"), "/etcdserverpb.rs"));
}

pub use client::{Client, Config};
pub use error::Error;
pub use ops::{Txn, prefix_end};
pub use spec::{Spec, SpecError, Tls};
pub use watch::Watch;
