//! Putting an agent on the books.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::internal;
use tepui_types::{AgentId, FrameworkId, Resources, WallTime};

use super::{Agent, AgentDescription, Observer, connection};
use crate::change::Change;
use crate::effect::Effect;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// The id of the next new agent.
    pub(crate) fn new_agent_id(&mut self) -> AgentId {
        let id = AgentId::new(format!("{}-S{}", self.id, self.next_agent));
        self.next_agent += 1;
        id
    }

    /// Adds an agent on which each framework uses what `used` says, links to it and starts to ping it.
    pub(crate) fn add_agent(
        &mut self,
        id: &AgentId,
        description: AgentDescription,
        reregistered: Option<WallTime>,
        used: &BTreeMap<FrameworkId, Resources>,
        turn: &mut Turn<'_>,
    ) {
        let number = self.agents.next_observer;
        self.agents.next_observer += 1;
        self.agents.observers.insert(number, id.clone());
        self.agents.by_pid.insert(description.pid.clone(), id.clone());
        turn.push(Effect::OpenLink(description.pid.clone()));
        let agent = Agent {
            id: id.clone(),
            info: description.info,
            pid: description.pid,
            version: description.version,
            capabilities: description.capabilities,
            connected: true,
            active: true,
            registered: turn.now.wall,
            reregistered,
            total: description.total,
            checkpointed: description.checkpointed,
            resource_version: description.resource_version,
            tasks: BTreeSet::new(),
            killed: BTreeSet::new(),
            executors: BTreeMap::new(),
            offers: BTreeSet::new(),
            frameworks: BTreeSet::new(),
            observer: Observer::new(number),
            leaving: false,
        };
        self.allocator.add_agent(id, agent.allocator_description(&self.config), used);
        turn.change(Change::AgentAdded(agent.entity()));
        self.agents.registered.insert(id.clone(), agent);
        self.ping(id, turn);
    }

    /// Tells an agent that it is registered.
    pub(crate) fn send_registered(&self, agent: &Agent, turn: &mut Turn<'_>) {
        let message = internal::SlaveRegisteredMessage {
            slave_id: agent.id.to_proto(),
            connection: Some(connection(&self.config)),
        };
        turn.send(&agent.pid, message);
    }
}
