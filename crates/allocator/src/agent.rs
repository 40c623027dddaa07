//! What the allocator knows of an agent.

use std::sync::Arc;

use tepui_types::{AgentId, Attributes, FewMap, Resource, Resources, Time};

use crate::quantities::Quantities;
use crate::quota::QuotaTotals;
use crate::refusals::Refusals;
use crate::slab::Index;
use crate::tree::Client;

/// What an agent says of itself that matters for offers of it.
#[derive(Clone, Debug, Default)]
pub struct AgentDescription {
    /// Its host name.
    pub hostname: String,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// Where it stands, if it says so.
    pub domain: Option<FaultDomain>,
    /// All its resources, with reservations and volumes.
    pub total: Resources,
    /// What it can deal with.
    pub capabilities: AgentCapabilities,
    /// Whether it is in another region than the master.
    pub remote_region: bool,
}

/// Where an agent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultDomain {
    /// The region.
    pub region: String,
    /// The zone of the region.
    pub zone: String,
}

/// The capabilities of an agent that decide to whom it is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentCapabilities {
    /// `MULTI_ROLE`: may be offered to frameworks of that capability.
    pub multi_role: bool,
    /// `HIERARCHICAL_ROLE`: may be offered to roles below others.
    pub hierarchical_role: bool,
    /// `RESERVATION_REFINEMENT`: can refine reservations. Matters to operations, not to offers.
    pub reservation_refinement: bool,
}

/// Who has to look at an agent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Attention {
    /// Nobody: nothing that is free here can go to anyone.
    #[default]
    None,
    /// Clients whose refusals ended.
    Some(Vec<Index<Client>>),
    /// Clients that have just begun to want offers.
    Hungry,
    /// All clients: more is free than before.
    All,
}

/// An agent.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) description: AgentDescription,
    pub(crate) active: bool,
    /// The whitelist, if there is one, has its host name.
    pub(crate) whitelisted: bool,
    /// How much it has, for the totals of the cluster.
    pub(crate) quantities: Quantities,
    pub(crate) has_gpus: bool,
    /// What it has, for quotas, if there are any.
    pub(crate) quota_totals: Option<Box<QuotaTotals>>,
    /// What is offered to or used by each client, without allocation roles.
    pub(crate) held: FewMap<Index<Client>, Resources>,
    /// What is neither offered nor used. Shared resources are not here: they are always there to be offered.
    pub(crate) free: Resources,
    /// The shared resources, one copy of each.
    pub(crate) shared: Resources,
    /// Shared resources that were offered in this cycle, and when the next cycle begins.
    pub(crate) shared_offered: Option<(Resources, Time)>,
    /// Whether clients hold more than there is. Then `free` cannot be kept by adding and taking.
    pub(crate) overcommitted: bool,
    pub(crate) refusals: FewMap<Index<Client>, Refusals>,
    pub(crate) attention: Attention,
}

impl Agent {
    pub(crate) fn new(id: AgentId, description: AgentDescription, whitelisted: bool) -> Self {
        let mut agent = Self {
            id,
            description,
            active: true,
            whitelisted,
            quantities: Quantities::default(),
            has_gpus: false,
            quota_totals: None,
            held: FewMap::default(),
            free: Resources::new(),
            shared: Resources::new(),
            shared_offered: None,
            overcommitted: false,
            refusals: FewMap::default(),
            attention: Attention::None,
        };
        agent.recount();
        agent
    }

    /// Finds anew what is free.
    pub(crate) fn recount(&mut self) {
        let total = &self.description.total;
        let mut held = Resources::new();
        for resource in self.held.values().flatten().filter(|resource| !resource.is_shared()) {
            held += resource.clone();
        }
        self.overcommitted = !total.contains(&held);
        self.free = total.non_shared() - held;
        self.shared = total.shared();
        self.has_gpus = total.iter().any(|resource| resource.name() == "gpus");
    }

    /// Takes from what is free.
    pub(crate) fn take(&mut self, resources: &Resources) {
        resources.iter().filter(|it| !it.is_shared()).for_each(|it| self.free -= it);
    }

    /// Takes what is offered; copies of what is shared come again when the cycle ends.
    pub(crate) fn take_offer(&mut self, offer: &Resources, cycle_end: Time) {
        self.take(offer);
        let shared = offer.shared();
        if !shared.is_empty() {
            let (offered, _) = self.shared_offered.get_or_insert((Resources::new(), cycle_end));
            *offered += shared;
        }
    }

    /// Takes what is already counted as held, whether it was free or not.
    pub(crate) fn take_held(&mut self, resources: &Resources) {
        if self.overcommitted || !resources.iter().all(|it| it.is_shared() || self.free.contains_resource(it))
        {
            self.recount();
        } else {
            self.take(resources);
        }
    }

    /// Gives back what is no longer counted as held.
    pub(crate) fn give_back(&mut self, resources: &Resources) {
        if self.overcommitted {
            self.recount();
            return;
        }
        resources.iter().filter(|it| !it.is_shared()).for_each(|it| self.free += it.clone());
    }

    /// Whether there may be something to offer.
    pub(crate) fn is_offerable(&self) -> bool {
        self.active && self.whitelisted && !(self.free.is_empty() && self.shared.is_empty())
    }

    /// Whether everything free may go to any client, so that there is nothing to pick.
    pub(crate) fn is_plain(&self) -> bool {
        self.shared.is_empty() && self.free.iter().all(|it| it.is_unreserved() && !it.is_revocable())
    }

    /// The shared resources that were not yet offered in this cycle.
    fn shared_left(&self) -> Resources {
        match &self.shared_offered {
            Some((offered, _)) => &self.shared - offered,
            None => self.shared.clone(),
        }
    }

    /// What of this agent may be offered to a client, before limits, minimum and refusals.
    pub(crate) fn candidate(&self, client: &Client, role: &Arc<str>, index: Index<Client>) -> Resources {
        let suits = |resource: &Resource| {
            resource.is_allocatable_to(role)
                && (client.capabilities.revocable || !resource.is_revocable())
                && (client.capabilities.reservation_refinement || !resource.has_refined_reservations())
        };
        let mut candidate = self.free.filter(suits);
        if client.capabilities.shared && !self.shared.is_empty() {
            let shared = self.shared_left().filter(suits);
            // A copy alone is no reason to make an offer to someone who has one already.
            let held = self.held.get(&index);
            if !candidate.is_empty() || !held.is_some_and(|held| held.contains(&shared)) {
                candidate += shared;
            }
        }
        candidate
    }

    /// Whether a client may be offered anything of this agent at all.
    pub(crate) fn suits(&self, client: &Client, role: &str, filter_gpu_resources: bool) -> bool {
        let wants = client.capabilities;
        let has = self.description.capabilities;
        (wants.gpu || !(filter_gpu_resources && self.has_gpus))
            && (wants.region_aware || !self.description.remote_region)
            && (has.multi_role || !wants.multi_role)
            && (has.hierarchical_role || !role.contains('/'))
            && client.constraints.as_ref().is_none_or(|constraints| constraints.admit(&self.description))
    }
}
