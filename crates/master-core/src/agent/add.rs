//! Putting an agent on the books.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::internal;
use tepui_types::{AgentId, FewSet, FrameworkId, Resources, Upid, WallTime};

use super::{Agent, AgentDescription, Observer, Removal, Standing, connection};
use crate::change::Change;
use crate::effect::Effect;
use crate::master::{Agents, Master};
use crate::turn::Turn;

impl Agents {
    /// Tells whether this id belongs to an agent, in whatever state it is.
    fn knows(&self, id: &AgentId) -> bool {
        self.registered.contains_key(id)
            || self.recovered.contains_key(id)
            || self.unreachable.contains_key(id)
            || self.gone.contains_key(id)
            || self.reregistering.contains(id)
    }
}

impl Master {
    /// The id of the next new agent. Ids that somebody claimed before we gave them are left out.
    pub(crate) fn new_agent_id(&mut self) -> AgentId {
        loop {
            let id = AgentId::new(format!("{}-S{}", self.id, self.next_agent));
            self.next_agent += 1;
            if !self.agents.knows(&id) {
                return id;
            }
        }
    }

    /// Adds an agent on which each framework uses what `used` says, links to it and starts to ping it.
    pub(crate) fn add_agent(
        &mut self,
        id: &AgentId,
        description: AgentDescription,
        standing: Standing,
        reregistered: Option<WallTime>,
        used: &BTreeMap<FrameworkId, Resources>,
        turn: &mut Turn<'_>,
    ) {
        let number = self.agents.next_observer;
        self.agents.next_observer += 1;
        self.agents.observers.insert(number, id.clone());
        self.take_over_address(id, &description.pid, turn);
        turn.push(Effect::OpenLink(description.pid.clone()));
        let agent = Agent {
            id: id.clone(),
            info: description.info.into(),
            pid: description.pid,
            version: description.version,
            capabilities: description.capabilities,
            connected: true,
            active: !standing.deactivated,
            registered: turn.now.wall,
            reregistered,
            total: description.total,
            checkpointed: description.checkpointed,
            resource_version: description.resource_version,
            tasks: FewSet::default(),
            killed: BTreeSet::new(),
            executors: BTreeMap::new(),
            offers: FewSet::default(),
            inverse_offers: BTreeSet::new(),
            frameworks: FewSet::default(),
            observer: Observer::new(number),
            standing,
            drain_started: None,
            leaving: false,
        };
        self.allocator.add_agent(id, agent.allocator_description(&self.config), used);
        if !agent.active {
            self.allocator.deactivate_agent(id);
        }
        turn.change(Change::AgentAdded(agent.entity()));
        self.agents.registered.insert(id.clone(), Box::new(agent));
        self.tell_allocator_of_maintenance(id);
        self.ping(id, turn);
    }

    /// Files an agent under its address. Whoever was there before is not there any more.
    pub(crate) fn take_over_address(&mut self, id: &AgentId, pid: &Upid, turn: &mut Turn<'_>) {
        let before = self.agents.by_pid.insert(pid.clone(), id.clone());
        if let Some(other) = before.filter(|other| other != id) {
            self.begin_removal(&other, Removal::Replaced, turn);
        }
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
