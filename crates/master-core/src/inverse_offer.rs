//! Inverse offers: frameworks are asked to leave agents that are to become unavailable.
//!
//! Who is asked, and when again, the allocator decides; what was answered is only noted for operators. An inverse offer
//! has an id of the same kind as offers have, and holds no resources: it is about all that the framework has there.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_allocator::Reclaim;
use tepui_proto::v1;
use tepui_proto::v1::allocator::InverseOfferStatus;
use tepui_proto::v1::allocator::inverse_offer_status::Status;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::{AgentId, FrameworkId};

use crate::change::Change;
use crate::framework::event::of;
use crate::master::Master;
use crate::offer::{OfferNumber, agent_url, offer_id, offer_number, refuse_duration};
use crate::timers::Timer;
use crate::turn::Turn;

/// A question whether a framework leaves an agent.
#[derive(Debug)]
pub(crate) struct InverseOffer {
    pub(crate) framework: FrameworkId,
    pub(crate) agent: AgentId,
}

impl Master {
    /// Asks whom the allocator names: one event a framework.
    pub(crate) fn make_inverse_offers(&mut self, turn: &mut Turn<'_>) {
        let mut reclaims = Vec::new();
        self.allocator.reclaim(turn.now.time, &mut reclaims);
        let mut batches: BTreeMap<FrameworkId, Vec<v1::InverseOffer>> = BTreeMap::new();
        for reclaim in reclaims {
            let framework = reclaim.framework.clone();
            if let Some(inverse_offer) = self.make_inverse_offer(reclaim, turn) {
                batches.entry(framework).or_default().push(inverse_offer);
            }
        }
        for (id, inverse_offers) in batches {
            let Some(framework) = self.frameworks.registered.get(&id) else { continue };
            let inverse_offers = Some(event::InverseOffers { inverse_offers });
            framework.send(turn, Event { inverse_offers, ..of(event::Type::InverseOffers) });
        }
    }

    /// Books one inverse offer and returns it as its framework sees it.
    fn make_inverse_offer(&mut self, reclaim: Reclaim, turn: &mut Turn<'_>) -> Option<v1::InverseOffer> {
        let Reclaim { framework, agent } = reclaim;
        let receiver = self.frameworks.registered.get_mut(&framework).filter(|framework| framework.active);
        let host = self.agents.registered.get_mut(&agent).filter(|agent| agent.active);
        let unavailability = host.as_ref().and_then(|host| self.maintenance.unavailability(host));
        let (Some(receiver), Some(host), Some(unavailability)) = (receiver, host, unavailability) else {
            self.allocator.end_reclaim(turn.now.time, &framework, &agent, Some(Duration::ZERO));
            return None;
        };
        let number = self.next_offer;
        self.next_offer += 1;
        receiver.inverse_offers.insert(number);
        host.inverse_offers.insert(number);
        let inverse_offer = v1::InverseOffer {
            id: offer_id(&self.id, number).to_proto(),
            url: Some(agent_url(&host.info.hostname, &host.pid)),
            framework_id: framework.to_proto(),
            agent_id: Some(agent.to_proto()),
            unavailability,
            resources: Vec::new(),
        };
        turn.change(Change::InverseOfferAdded(Box::new(inverse_offer.clone())));
        if let Some(timeout) = self.config.offer_timeout {
            self.timers.set(Timer::InverseOffer(number), turn.now.time + timeout);
        }
        self.inverse_offers.insert(number, InverseOffer { framework, agent });
        Some(inverse_offer)
    }

    /// Notes a framework's answer, and does not ask it again for the time of the filters. Ids that are no longer valid, or
    /// are those of others, are ignored.
    pub(crate) fn answer_inverse_offers(
        &mut self,
        framework: &FrameworkId,
        ids: &[v1::OfferId],
        filters: Option<&v1::Filters>,
        status: Status,
        turn: &mut Turn<'_>,
    ) {
        let spare = refuse_duration(filters);
        for id in ids {
            let Some(number) = offer_number(&self.id, &id.value) else { continue };
            let answered = self.inverse_offers.get(&number).filter(|it| it.framework == *framework);
            let Some(agent) = answered.map(|it| it.agent.clone()) else { continue };
            let status = InverseOfferStatus {
                status: status as i32,
                framework_id: framework.to_proto(),
                timestamp: turn.now.wall.to_proto(),
            };
            turn.change(Change::InverseOfferAnswered { agent, status: Box::new(status) });
            self.discard_inverse_offer(number, Some(spare), turn);
        }
    }

    /// Ends an inverse offer; its framework is told nothing. With `spare` it is not asked again for that time.
    pub(crate) fn discard_inverse_offer(
        &mut self,
        number: OfferNumber,
        spare: Option<Duration>,
        turn: &mut Turn<'_>,
    ) {
        let Some(InverseOffer { framework, agent }) = self.inverse_offers.remove(&number) else { return };
        if let Some(framework) = self.frameworks.registered.get_mut(&framework) {
            framework.inverse_offers.remove(&number);
        }
        if let Some(agent) = self.agents.registered.get_mut(&agent) {
            agent.inverse_offers.remove(&number);
        }
        self.timers.cancel(&Timer::InverseOffer(number));
        turn.change(Change::InverseOfferRemoved(offer_id(&self.id, number)));
        self.allocator.end_reclaim(turn.now.time, &framework, &agent, spare);
    }

    /// Ends an inverse offer, and tells its framework so.
    pub(crate) fn rescind_inverse_offer(&mut self, number: OfferNumber, turn: &mut Turn<'_>) {
        let Some(inverse_offer) = self.inverse_offers.get(&number) else { return };
        if let Some(framework) = self.frameworks.registered.get(&inverse_offer.framework) {
            let id = offer_id(&self.id, number).to_proto();
            let rescind_inverse_offer = Some(event::RescindInverseOffer { inverse_offer_id: id });
            framework.send(turn, Event { rescind_inverse_offer, ..of(event::Type::RescindInverseOffer) });
        }
        // Who let it go by is asked again in a while, not at once: `--offer_timeout` may be short.
        self.discard_inverse_offer(number, Some(Duration::ZERO), turn);
    }

    /// Ends all inverse offers of a framework whose peer is gone.
    pub(crate) fn discard_inverse_offers_of_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let numbers: Vec<OfferNumber> = framework.inverse_offers.iter().copied().collect();
        for number in numbers {
            self.discard_inverse_offer(number, None, turn);
        }
    }

    /// Ends all inverse offers of a framework, and tells it so.
    pub(crate) fn rescind_inverse_offers_of_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let numbers: Vec<OfferNumber> = framework.inverse_offers.iter().copied().collect();
        for number in numbers {
            self.rescind_inverse_offer(number, turn);
        }
    }

    /// Ends all inverse offers that are about an agent, and tells their frameworks so.
    pub(crate) fn rescind_inverse_offers_of_agent(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let numbers: Vec<OfferNumber> = agent.inverse_offers.iter().copied().collect();
        for number in numbers {
            self.rescind_inverse_offer(number, turn);
        }
    }
}
