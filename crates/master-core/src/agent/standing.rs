//! What operators decided about an agent: it moves with the agent, whether that is registered, awaited or unreachable.

use tepui_proto::internal::registry::{Slave, UnreachableSlave};
use tepui_proto::v1;
use tepui_types::AgentId;

use crate::master::Master;

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
