//! Who leads: election of a master, and its detection by everyone else.
//!
//! - [`Spec`] reads where to look: `zk://…`, `etcd://…`, `file:///path`, `host:port`, or a list of those.
//! - [`Contender::contend`] takes part in the election and gives a [`Candidacy`], whose states end in
//!   [`CandidacyState::Lost`] once it has led.
//! - [`Detector::detect`] follows the leader.
//!
//! **ZooKeeper.** The election nodes are those of Mesos: ephemeral, sequential `json.info_%010d` with the `MasterInfo` as
//! JSON; the lowest number leads. So every existing detector finds us, and we find a Mesos master.
//!
//! **etcd.** A key per candidate below `<prefix>/masters/`, on a lease; the lowest create revision leads.
//!
//! **Masters of another registry.** Two masters may only follow each other if they read the same registry; a Mesos
//! master's is another. So each of ours leaves a mark *before* it joins: `<path>/tepui/masters/<session>`, an ephemeral
//! node whose content names the registry, and whose session is the owner of the election node. Mesos and its clients skip
//! the child `tepui`, as they skip `log_replicas`. A member whose owner left no such mark, or another, is foreign, and
//! while there is one this master waits ([`CandidacyState::Refused`]) instead of contending. One that already leads goes
//! on.
//!
//! **The lease.** A leader's [`Lease`] says until when nobody else can have been elected, counted from before the last
//! renewal was sent. A master that was stopped and goes on finds it expired and must not act; its writes would be refused
//! by the store's fence as well ([`Fence`]).

#![cfg_attr(
    not(any(feature = "etcd", feature = "zookeeper")),
    expect(
        dead_code,
        unused_variables,
        unreachable_code,
        clippy::needless_pass_by_value,
        reason = "without a group there is no election"
    )
)]

mod candidacy;
mod contender;
mod detector;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod group;
mod lease;
mod master_info;
mod redirect;
mod spec;
#[cfg(feature = "zookeeper")]
mod zookeeper;

pub use candidacy::{Candidacy, CandidacyState, Leadership};
pub use contender::{Candidate, Contender};
pub use detector::{Detection, Detector};
pub use error::GroupError;
pub use group::Fence;
pub use lease::Lease;
pub use master_info::{MasterInfoError, from_json, from_pid, to_json};
pub use spec::{Spec, SpecError, ZooKeeperUrl};
