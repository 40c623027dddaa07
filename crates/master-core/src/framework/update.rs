//! What a subscription says, and changing it.

use std::collections::{BTreeMap, BTreeSet};

use tepui_allocator::{FrameworkCapabilities, FrameworkDescription, RoleConstraints};
use tepui_proto::{internal, v1};
use tepui_types::{FrameworkId, ResourceQuantities};

use super::{Capabilities, Framework, roles};
use crate::change::{Change, FrameworkNews};
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::turn::Turn;

/// The part of SUBSCRIBE and `UPDATE_FRAMEWORK` that describes the framework.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) info: v1::FrameworkInfo,
    pub(crate) suppressed: BTreeSet<String>,
    pub(crate) offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// What `offer_constraints` say, once they are read.
    pub(crate) constraints: BTreeMap<String, RoleConstraints>,
}

impl Subscription {
    /// What a call says.
    pub(crate) fn new(
        info: v1::FrameworkInfo,
        suppressed: Vec<String>,
        offer_constraints: Option<v1::scheduler::OfferConstraints>,
    ) -> Self {
        let suppressed = suppressed.into_iter().collect();
        Self { info, suppressed, offer_constraints, constraints: BTreeMap::new() }
    }

    /// What is known of a framework that an agent reports.
    pub(crate) fn recovered(info: v1::FrameworkInfo) -> Self {
        Self::new(info, Vec::new(), None)
    }

    /// The framework as the allocator knows it.
    pub(crate) fn description(&self) -> FrameworkDescription {
        let capabilities = Capabilities::of(&self.info);
        FrameworkDescription {
            roles: roles(&self.info),
            suppressed: self.suppressed.clone(),
            capabilities: FrameworkCapabilities {
                revocable: capabilities.revocable_resources,
                gpu: capabilities.gpu_resources,
                shared: capabilities.shared_resources,
                multi_role: capabilities.multi_role,
                reservation_refinement: capabilities.reservation_refinement,
                region_aware: capabilities.region_aware,
            },
            min_allocatable: self
                .info
                .offer_filters
                .iter()
                .filter_map(|(role, filters)| Some((role.clone(), min_allocatable(filters)?)))
                .collect(),
            constraints: self.constraints.clone(),
        }
    }
}

/// The least that offers of a role must hold, if its filters say so.
fn min_allocatable(filters: &v1::OfferFilters) -> Option<Vec<ResourceQuantities>> {
    let sets = &filters.min_allocatable_resources.as_ref()?.quantities;
    Some(sets.iter().map(|set| ResourceQuantities::from_protos(&set.quantities)).collect())
}

impl Framework {
    /// Tells an agent how the framework is described now.
    pub(crate) fn update_message(&self) -> internal::UpdateFrameworkMessage {
        internal::UpdateFrameworkMessage {
            framework_id: self.id.to_proto(),
            pid: Some(self.pid_for_agents()),
            framework_info: Some(self.info.clone()),
        }
    }
}

impl Master {
    /// Describes a known framework anew. Offers for roles that it left are rescinded.
    pub(crate) fn update_framework_description(
        &mut self,
        id: &FrameworkId,
        subscription: Subscription,
        turn: &mut Turn<'_>,
    ) {
        self.allocator.update_framework(id, subscription.description());
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        framework.apply(subscription);
        let left: Vec<OfferNumber> = framework
            .offers
            .iter()
            .filter(|number| {
                self.offers.get(number).is_some_and(|offer| !framework.roles.contains(offer.role.as_ref()))
            })
            .copied()
            .collect();
        for number in left {
            self.rescind_offer(number, turn);
        }
    }

    /// Publishes a framework's new state.
    pub(crate) fn publish_framework(&self, id: &FrameworkId, turn: &mut Turn<'_>) {
        if let Some(framework) = self.frameworks.registered.get(id) {
            turn.change(Change::FrameworkUpdated(framework.entity()));
        }
    }

    /// Tells all agents and followers how a framework is described now. The disconnected agents are told when they
    /// re-register.
    pub(crate) fn spread_framework(&self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        turn.change(Change::FrameworkAnnounced { id: id.clone(), news: FrameworkNews::Updated });
        let message = framework.update_message();
        for agent in self.agents.registered.values().filter(|agent| agent.connected) {
            turn.send(&agent.pid, message.clone());
        }
    }
}
