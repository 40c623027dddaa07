//! What the allocator knows of a framework.

use std::collections::{BTreeMap, BTreeSet};

use tepui_types::{FrameworkId, ResourceQuantities};

use crate::constraints::RoleConstraints;
use crate::slab::Index;
use crate::tree::Client;

/// What a framework says of itself that matters for its offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameworkDescription {
    /// The roles it is subscribed to.
    pub roles: BTreeSet<String>,
    /// Those of its roles in which it wants no offers.
    pub suppressed: BTreeSet<String>,
    /// What it can deal with.
    pub capabilities: FrameworkCapabilities,
    /// By role, what an offer must hold at the least (any of these sets). Overrides the allocator's own minimum; an
    /// empty list removes it.
    pub min_allocatable: BTreeMap<String, Vec<ResourceQuantities>>,
    /// By role, what agents must be like. Other roles are offered every agent.
    pub constraints: BTreeMap<String, RoleConstraints>,
}

/// The capabilities of a framework that decide what it is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each capability is declared or not")]
pub struct FrameworkCapabilities {
    /// `REVOCABLE_RESOURCES`: may be offered what can be taken back.
    pub revocable: bool,
    /// `GPU_RESOURCES`: may be offered agents with GPUs.
    pub gpu: bool,
    /// `SHARED_RESOURCES`: may be offered shared volumes.
    pub shared: bool,
    /// `MULTI_ROLE`: is not offered agents that lack the capability of that name.
    pub multi_role: bool,
    /// `RESERVATION_REFINEMENT`: may be offered refined reservations.
    pub reservation_refinement: bool,
    /// `REGION_AWARE`: may be offered agents of other regions.
    pub region_aware: bool,
}

/// A framework.
#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) id: FrameworkId,
    /// Whether it was added. If not, it is here only because agents hold resources for it.
    pub(crate) known: bool,
    pub(crate) active: bool,
    /// Gets no offers for now, because it has not read what it was sent.
    pub(crate) paused: bool,
    pub(crate) capabilities: FrameworkCapabilities,
    /// By role.
    pub(crate) clients: BTreeMap<String, Index<Client>>,
}
