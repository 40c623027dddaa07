//! Operations on our resources: reservations, and volumes made of them.
//!
//! An operation is applied as it arrives, because the master counts with it already. Then its framework is told: the
//! status is sent as updates of tasks are, again and again until it is acknowledged. What cannot be applied makes us
//! register anew, so that the master hears which resources we really have. What was accepted upon an earlier report of
//! our resources is dropped: the master has forgotten it with that report (`registration.rs`).

mod apply;
mod forward;
mod volume;

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_proto::{internal, v1};
use tepui_types::Uuid;

pub(crate) use volume::{VolumePath, volume_path};

/// An operation that has ended and is not acknowledged.
#[derive(Debug)]
pub(crate) struct Operation {
    /// What masters are told that we have.
    pub(crate) entity: v1::Operation,
    /// What is sent until it is acknowledged.
    pub(crate) update: internal::UpdateOperationStatusMessage,
    /// The pause after the last attempt to send it.
    pub(crate) retry: Duration,
}

/// All operations that are not acknowledged.
pub(crate) type Operations = BTreeMap<Uuid, Operation>;
