//! Turning what the allocator gives into offers.

use std::collections::BTreeMap;

use tepui_allocator::Allocation;
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::FrameworkId;

use super::{Offer, offer_id};
use crate::agent::Agent;
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
                batches.entry(framework).or_default().push(offer);
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
        let mut offer = entity(host, &framework, &role);
        offer.unavailability = self.maintenance.unavailability(host);
        offer.id = offer_id(&self.id, number).to_proto();
        offer.resources = resources.to_protos();
        turn.change(Change::OfferAdded(Box::new(offer.clone())));
        if let Some(timeout) = self.config.offer_timeout {
            self.timers.set(Timer::Offer(number), turn.now.time + timeout);
        }
        if !capabilities.reservation_refinement {
            offer.resources = resources.to_protos_pre_refinement();
        }
        self.offers.insert(number, Offer { framework, agent, role, resources });
        strip(&mut offer, capabilities);
        Some(offer)
    }
}

/// An offer of this agent's resources, without id and resources.
fn entity(agent: &Agent, framework: &FrameworkId, role: &str) -> v1::Offer {
    let info = &agent.info;
    v1::Offer {
        framework_id: framework.to_proto(),
        agent_id: agent.id.to_proto(),
        hostname: info.hostname.clone(),
        url: Some(agent_url(agent)),
        domain: info.domain.clone(),
        attributes: info.attributes.clone(),
        executor_ids: agent.executors_of(framework).map(|(id, _)| id.to_proto()).collect(),
        allocation_info: Some(v1::resource::AllocationInfo { role: Some(role.to_owned()) }),
        ..v1::Offer::default()
    }
}

/// Where schedulers reach an agent.
pub(crate) fn agent_url(agent: &Agent) -> v1::Url {
    v1::Url {
        scheme: "http".to_owned(),
        address: v1::Address {
            hostname: Some(agent.info.hostname.clone()),
            ip: Some(agent.pid.address.ip().to_string()),
            port: i32::from(agent.pid.address.port()),
        },
        path: Some(format!("/{}", agent.pid.id)),
        ..v1::Url::default()
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
