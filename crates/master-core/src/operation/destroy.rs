//! DESTROY: the end of persistent volumes, with their data.

use tepui_proto::v1::offer::Operation;
use tepui_types::{AgentId, Resources};

use super::carry_out::volumes;
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::scheduler::Accepted;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Destroys volumes of the offers. Other offers of a shared volume are rescinded.
    pub(super) fn destroy(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let (_, agent) = self.parties(accepted)?;
        let destroy = operation.destroy.clone().unwrap_or_default();
        validation::operation::destroy::validate(&destroy, agent, &self.used_on(&accepted.agent))
            .map_err(|error| self.on_agent(accepted, &error))?;
        self.rescind_offers_with(&accepted.agent, &volumes(operation.clone()), turn);
        self.convert_remaining(accepted, operation, turn)?;
        accepted.shared = accepted.remaining.shared();
        Ok(())
    }

    /// What tasks and executors use of an agent, allocated to nobody.
    fn used_on(&self, id: &AgentId) -> Resources {
        let Some(agent) = self.agents.registered.get(id) else { return Resources::new() };
        let mut used = Resources::new();
        for (framework, task) in &agent.tasks {
            if let Some(task) = self.task(framework, task).filter(|task| task.holds_resources()) {
                used += &task.resources.persistent_volumes();
            }
        }
        for executor in agent.executors.values() {
            used += &executor.resources.persistent_volumes();
        }
        used.unallocate();
        used
    }

    fn rescind_offers_with(&mut self, agent: &AgentId, volumes: &Resources, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(agent) else { return };
        let holds = |number: &&OfferNumber| {
            self.offers.get(number).is_some_and(|offer| {
                let mut offered = offer.resources.clone();
                offered.unallocate();
                volumes.iter().any(|volume| offered.contains_resource(volume))
            })
        };
        let rescinded: Vec<OfferNumber> = agent.offers.iter().filter(holds).copied().collect();
        for number in rescinded {
            self.rescind_offer(number, turn);
        }
    }
}
