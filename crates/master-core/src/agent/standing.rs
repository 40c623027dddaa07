//! What operators decided about an agent: it moves with the agent, whether that is registered, awaited or unreachable.

use tepui_proto::internal::registry::{Slave, UnreachableSlave};
use tepui_proto::v1;
use tepui_types::AgentId;

use crate::master::Master;
use crate::registry::RegistryWrite;

/// Whether an agent is drained or deactivated, as the registry holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Standing {
    /// How it is drained, if it is.
    pub(crate) drain: Option<v1::DrainInfo>,
    /// Nothing of it is offered.
    pub(crate) deactivated: bool,
}

impl Standing {
    /// The row of an admitted agent.
    pub(crate) fn row(self, info: &v1::AgentInfo) -> Box<Slave> {
        Box::new(Slave {
            info: info.clone(),
            drain_info: self.drain,
            deactivated: self.deactivated.then_some(true),
        })
    }

    /// The row of an unreachable agent.
    pub(crate) fn unreachable_row(self, id: &AgentId, since: v1::TimeInfo) -> UnreachableSlave {
        UnreachableSlave {
            id: id.to_proto(),
            timestamp: since,
            drain_info: self.drain,
            deactivated: self.deactivated.then_some(true),
        }
    }
}

impl From<&Slave> for Standing {
    fn from(row: &Slave) -> Self {
        Self { drain: row.drain_info, deactivated: row.deactivated.unwrap_or(false) }
    }
}

impl From<&UnreachableSlave> for Standing {
    fn from(row: &UnreachableSlave) -> Self {
        Self { drain: row.drain_info, deactivated: row.deactivated.unwrap_or(false) }
    }
}

impl Master {
    /// Changes what was decided about an agent, wherever it is. Returns what the registry is to be told.
    pub(crate) fn change_standing(
        &mut self,
        id: &AgentId,
        change: impl FnOnce(&mut Standing),
    ) -> Option<RegistryWrite> {
        let mut standing = self.standing_of(id);
        change(&mut standing);
        // An agent that is just re-registering may come with another info, which the registry holds already.
        let newer = self.pending_reregistration(id).map(|pending| pending.agent.info.clone());
        if let Some(agent) = self.agents.registered.get_mut(id) {
            agent.standing = standing.clone();
            let info = newer.unwrap_or_else(|| agent.info.unpack());
            return Some(RegistryWrite::AdmitAgent(standing.row(&info)));
        }
        if let Some(row) = self.agents.recovered.get_mut(id) {
            *row = *standing.row(&row.info);
            let row = Standing::from(&*row).row(newer.as_ref().unwrap_or(&row.info));
            return Some(RegistryWrite::AdmitAgent(row));
        }
        let agent = self.agents.unreachable.get_mut(id)?;
        agent.standing = standing.clone();
        Some(match newer {
            Some(info) => RegistryWrite::MarkReachable(standing.row(&info)),
            None => RegistryWrite::MarkUnreachable(standing.unreachable_row(id, agent.since)),
        })
    }

    /// What was decided about an agent, wherever it is.
    pub(crate) fn standing_of(&self, id: &AgentId) -> Standing {
        if let Some(agent) = self.agents.registered.get(id) {
            return agent.standing.clone();
        }
        if let Some(row) = self.agents.recovered.get(id) {
            return Standing::from(row);
        }
        self.agents.unreachable.get(id).map(|agent| agent.standing.clone()).unwrap_or_default()
    }
}
