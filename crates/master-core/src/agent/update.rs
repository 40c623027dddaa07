//! `UpdateSlaveMessage`: an agent tells what else it has.

use tepui_proto::internal;
use tepui_types::{AgentId, Resources};

use crate::change::Change;
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::turn::Turn;

impl Master {
    /// Takes over the agent's revocable resources and the version of its resources, and compares operations.
    pub(crate) fn update_agent(&mut self, message: internal::UpdateSlaveMessage, turn: &mut Turn<'_>) {
        turn.count("master/messages_update_slave");
        let id = AgentId::from(&message.slave_id);
        let Some(agent) = self.agents.registered.get_mut(&id) else { return };
        if let Some(version) = message.resource_version_uuid
            && agent.resource_version.replace(version.clone()).is_some_and(|known| known != version)
        {
            // Its last report did not reach us, and this message does not tell what the agent has.
            self.have_reregister(&id, turn);
        }
        let Some(agent) = self.agents.registered.get(&id) else { return };
        if agent.applies_operations() {
            let reported = message.operations.map(|reported| reported.operations).unwrap_or_default();
            self.reconcile_agent_operations(&id, reported, turn);
        }
        self.end_drain(&id, turn);
        let Some(agent) = self.agents.registered.get_mut(&id) else { return };
        if !message.update_oversubscribed_resources.unwrap_or(true) {
            return;
        }
        let Ok(revocable) = Resources::from_protos(&message.oversubscribed_resources) else { return };
        if revocable != revocable.revocable() || agent.total.revocable() == revocable {
            return;
        }
        let mut total = agent.total.non_revocable();
        total += &revocable;
        agent.total = total;
        let description = agent.allocator_description(&self.config);
        turn.change(Change::AgentUpdated(agent.entity()));
        let revoked: Vec<OfferNumber> = agent
            .offers
            .iter()
            .filter(|number| {
                self.offers.get(number).is_some_and(|offer| !offer.resources.revocable().is_empty())
            })
            .copied()
            .collect();
        for number in revoked {
            self.rescind_offer(number, turn);
        }
        self.allocator.update_agent(&id, description);
    }
}
