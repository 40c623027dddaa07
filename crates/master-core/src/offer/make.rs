//! Turning what the allocator gives into offers.

use std::collections::BTreeMap;
use std::sync::Arc;

use tepui_allocator::Allocation;
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::FrameworkId;

use super::{Offer, OfferEntity, offer_id};
use crate::change::{Change, Counter, OfferFate};
use crate::framework::Capabilities;
use crate::framework::event::of;
use crate::master::Master;
use crate::timers::Timer;
use crate::turn::Turn;

/// Belongs to the network isolator of agents; frameworks must not see it.
const EPHEMERAL_PORTS: &str = "ephemeral_ports";

impl Master {
    /// Lets the allocator hand out what is free, and offers it: one event a framework.
    pub(crate) fn make_offers(&mut self, turn: &mut Turn<'_>) {
        let mut allocations = std::mem::take(&mut self.allocations);
        self.allocator.allocate(turn.now.time, &mut allocations);
        let mut batches: BTreeMap<FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
        for allocation in allocations.drain(..) {
            let framework = allocation.framework.clone();
            if let Some(offer) = self.make_offer(allocation, turn) {
                batches.entry(framework).or_insert_with(|| Vec::with_capacity(1)).push(offer);
            }
        }
        self.allocations = allocations;
        for (id, offers) in batches {
            let Some(framework) = self.frameworks.registered.get(&id) else { continue };
            turn.change(Change::Counted(Counter::Offers(id, OfferFate::Sent, offers.len() as u64)));
            framework.send(turn, Event { offers: Some(event::Offers { offers }), ..of(event::Type::Offers) });
        }
    }

    /// Books one offer and returns it as its framework sees it.
    fn make_offer(&mut self, allocation: Allocation, turn: &mut Turn<'_>) -> Option<v1::Offer> {
        let Allocation { framework, role, agent, resources } = allocation;
        let receiver = self.frameworks.registered.get_mut(&framework).filter(|framework| framework.active);
        let host = self.agents.registered.get_mut(&agent).filter(|agent| agent.active);
        let (Some(receiver), Some(host)) = (receiver, host) else {
            self.allocator.recover(turn.now.time, &framework, &agent, &resources, None);
            return None;
        };
        let number = self.next_offer;
        self.next_offer += 1;
        receiver.offers.insert(number);
        host.offers.insert(number);
        let capabilities = receiver.capabilities;
        let id = offer_id(&self.id, number);
        let entity = OfferEntity {
            id: id.clone(),
            framework: framework.clone(),
            agent: agent.clone(),
            role: Arc::clone(&role),
            resources: resources.clone(),
            executors: host.executors_of(&framework).map(|(id, _)| id.clone()).collect(),
            unavailability: self.maintenance.unavailability(host),
        };
        let protos = if capabilities.reservation_refinement {
            resources.to_protos()
        } else {
            resources.to_protos_pre_refinement()
        };
        let mut offer = entity.to_proto(&host.info, &host.pid, protos);
        strip(&mut offer, capabilities);
        turn.change(Change::OfferAdded(Box::new(entity)));
        if let Some(timeout) = self.config.offer_timeout {
            self.timers.set(Timer::Offer(number), turn.now.time + timeout);
        }
        self.offers.insert(number, Offer { id, framework, agent, role, resources });
        Some(offer)
    }
}

/// Leaves out what this framework does not understand.
fn strip(offer: &mut v1::Offer, capabilities: Capabilities) {
    offer.resources.retain(|resource| resource.name != EPHEMERAL_PORTS);
    if !capabilities.multi_role {
        offer.allocation_info = None;
        for resource in &mut offer.resources {
            resource.allocation_info = None;
        }
    }
}
