//! What waits for the registry.

use tepui_proto::v1;
use tepui_types::AgentId;

use super::Master;
use crate::agent::{Marking, Pruning, Registration, Removal, Reregistration};
use crate::effect::{Effect, Response};
use crate::input::{RequestId, StoreId};
use crate::maintenance::Maintenance;
use crate::operator::Decision;
use crate::registry::RegistryWrite;
use crate::turn::Turn;

/// How many batches of writes may wait for the registry before agents that come are put off: they ask again.
const MAX_PENDING: usize = 65_536;

/// What goes on when a batch of writes is durable.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A new agent.
    Register(Box<Registration>),
    /// An agent that comes back.
    Reregister(Box<Reregistration>),
    /// An agent that does not answer.
    MarkUnreachable(Box<Marking>),
    /// An agent that is gone.
    Remove(AgentId, Removal),
    /// Agents that were lost long ago.
    Prune(Box<Pruning>),
    /// What an operator decided about an agent.
    Decide(AgentId, Decision),
    /// An agent that is marked gone.
    MarkGone {
        /// Which.
        id: AgentId,
        /// Since when.
        since: v1::TimeInfo,
        /// Who is answered.
        request: Option<RequestId>,
    },
    /// An operator's maintenance schedule.
    Maintain {
        /// Who is answered.
        request: RequestId,
        /// What holds from then on.
        maintenance: Box<Maintenance>,
    },
    /// Someone who is answered once it is so.
    Answer(RequestId, Response),
    /// Nobody.
    Nothing,
}

impl Master {
    /// Makes writes durable, and goes on with `then` when they are.
    pub(crate) fn store(&mut self, writes: Vec<RegistryWrite>, then: Pending, turn: &mut Turn<'_>) {
        let id = self.next_store;
        self.next_store += 1;
        self.pending.insert(id, then);
        turn.push(Effect::Store { id: StoreId(id), writes });
    }

    /// Tells whether so much waits for the registry that nobody else should be let in now.
    pub(crate) fn registry_is_busy(&self) -> bool {
        self.pending.len() >= MAX_PENDING
    }

    /// A batch is durable.
    pub(crate) fn stored(&mut self, id: StoreId, turn: &mut Turn<'_>) {
        let Some(pending) = self.pending.remove(&id.0) else { return };
        match pending {
            Pending::Register(registration) => self.registered(*registration, turn),
            Pending::Reregister(reregistration) => self.reregistered(*reregistration, turn),
            Pending::MarkUnreachable(marking) => self.marked_unreachable(&marking, turn),
            Pending::Remove(id, removal) => self.removed(&id, removal, turn),
            Pending::Prune(pruning) => self.pruned(*pruning, turn),
            Pending::Decide(id, decision) => self.decided(&id, decision, turn),
            Pending::MarkGone { id, since, request } => self.marked_gone(&id, since, request, turn),
            Pending::Maintain { request, maintenance } => {
                self.maintenance_stored(request, *maintenance, turn);
            }
            Pending::Answer(request, response) => turn.respond(request, response),
            Pending::Nothing => {}
        }
    }
}
