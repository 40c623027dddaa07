//! A framework is asked once at a time to leave an agent, and only if the agent's machine is in the schedule.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::Change;
use tepui_proto::v1;
use tepui_types::{AgentId, FrameworkId, OfferId};

/// A machine: host name and address.
type Machine = (String, String);

/// The schedule, and who is asked about which agent.
#[derive(Debug, Default)]
pub(crate) struct InverseOffersAreApt {
    scheduled: BTreeMap<Machine, v1::Unavailability>,
    agents: BTreeMap<AgentId, Machine>,
    outstanding: BTreeMap<OfferId, (FrameworkId, AgentId)>,
    given: BTreeSet<OfferId>,
}

impl InverseOffersAreApt {
    pub(crate) fn changed(&mut self, change: &Change) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "others say nothing of maintenance")]
        match change {
            Change::MaintenanceChanged { machines, .. } => {
                let machine = |info: &v1::MachineInfo| {
                    let key = (info.id.hostname().to_owned(), info.id.ip().to_owned());
                    info.unavailability.map(|unavailability| (key, unavailability))
                };
                self.scheduled = machines.iter().filter_map(machine).collect();
            }
            Change::AgentAdded(agent) => {
                let machine = (agent.info.hostname.clone(), agent.pid.address.ip().to_string());
                self.agents.insert(agent.id.clone(), machine);
            }
            Change::InverseOfferAdded(offer) => self.added(offer),
            Change::InverseOfferRemoved(id) => {
                assert!(self.outstanding.remove(id).is_some(), "inverse offer {id} ends once");
            }
            Change::OfferAdded(offer) => {
                let machine = self.agents.get(&offer.agent);
                let unavailability = machine.and_then(|machine| self.scheduled.get(machine)).copied();
                assert_eq!(offer.unavailability, unavailability, "an offer says when its agent goes");
            }
            _ => {}
        }
    }

    fn added(&mut self, offer: &v1::InverseOffer) {
        let id = OfferId::from(&offer.id);
        assert!(self.given.insert(id.clone()), "the id {id} was given before");
        let agent = offer.agent_id.as_ref().map_or_else(|| AgentId::new(""), AgentId::from);
        let scheduled = self.agents.get(&agent).and_then(|machine| self.scheduled.get(machine));
        assert_eq!(scheduled, Some(&offer.unavailability), "{agent} is in the schedule");
        let asked = (FrameworkId::from(&offer.framework_id), agent);
        let twice = self.outstanding.values().any(|other| *other == asked);
        assert!(!twice, "{asked:?} is asked twice");
        self.outstanding.insert(id, asked);
    }
}
