//! The invariants of the master's state.

use std::collections::BTreeMap;

use tepui_types::{AgentId, FrameworkId, Resource, Resources};

use super::Master;
use crate::agent::Agent;
use crate::framework::{Framework, Peer};
use crate::inverse_offer::InverseOffer;
use crate::timers::Timer;

impl Master {
    /// Panics if an invariant is broken. Run after every step in tests and in the simulator.
    pub fn check(&self) {
        for (id, framework) in &self.frameworks.registered {
            assert_eq!(*id, framework.id, "a framework is filed under its id");
            assert!(!self.frameworks.completed.contains(id), "{id} is both registered and completed");
            self.check_framework(framework);
        }
        for (id, agent) in &self.agents.registered {
            assert_eq!(*id, agent.id, "an agent is filed under its id");
            self.check_agent(agent);
        }
        for (number, offer) in &self.offers {
            let owner =
                self.frameworks.registered.get(&offer.framework).expect("an offer's framework is registered");
            assert!(owner.active && owner.offers.contains(number), "offer {number} has an active owner");
            let host = self.agents.registered.get(&offer.agent).expect("an offer's agent is registered");
            assert!(host.active && host.offers.contains(number), "offer {number} has an active agent");
            assert!(
                owner.roles.contains(offer.role.as_ref()),
                "offer {number} is of a role of its framework"
            );
            assert!(!offer.resources.is_empty(), "offer {number} holds something");
        }
        for (number, inverse_offer) in &self.inverse_offers {
            let InverseOffer { framework, agent } = inverse_offer;
            let owner = &self.frameworks.registered[framework];
            assert!(owner.active && owner.inverse_offers.contains(number), "{number} has an active owner");
            let host =
                self.agents.registered.get(agent).expect("an inverse offer is about a registered agent");
            assert!(host.active && host.inverse_offers.contains(number), "{number} is about an active agent");
            assert!(self.maintenance.unavailability(host).is_some(), "{agent} will be unavailable");
        }
        for (stream, id) in &self.frameworks.streams {
            let owner = self.frameworks.registered.get(id).expect("a stream's framework is registered");
            let matches = matches!(owner.peer(), Some(Peer::Http { stream: own, .. }) if own == stream);
            assert!(matches, "{stream:?} is the stream of {id}");
        }
        for (pid, id) in &self.frameworks.drivers {
            let owner = self.frameworks.registered.get(id).expect("a driver's framework is registered");
            assert_eq!(owner.pid(), Some(pid), "{pid} is the driver of {id}");
        }
        self.check_timers();
        self.operations.check();
        for agent in self.operations.agents() {
            assert!(
                self.agents.registered.contains_key(agent),
                "{agent} has operations, so it is registered"
            );
        }
        self.allocator.check();
    }

    fn check_framework(&self, framework: &Framework) {
        let id = &framework.id;
        if let Some(Peer::Http { stream, .. }) = framework.peer() {
            assert_eq!(self.frameworks.streams.get(stream), Some(id), "{id} owns its stream");
            assert!(self.timers.is_set(&Timer::Heartbeat(id.clone())), "{id} is kept alive");
        }
        if let Some(pid) = framework.pid() {
            assert_eq!(self.frameworks.drivers.get(pid), Some(id), "{id} is found by its driver");
            assert!(!self.timers.is_set(&Timer::Heartbeat(id.clone())), "{id} gets no heartbeats");
        }
        assert!(
            framework.is_connected() || !framework.active,
            "{id} is not offered while it is disconnected"
        );
        assert!(
            framework.is_connected() || framework.slow_reader.is_none(),
            "{id} does not read although nobody is there"
        );
        for (task_id, task) in &framework.tasks {
            let agent = self.agents.registered.get(&task.agent).expect("a task's agent is registered");
            assert!(agent.tasks.contains(&(id.clone(), task_id.clone())), "{task_id} is known to its agent");
            assert!(
                !framework.unreachable_tasks.contains(task_id.as_str()),
                "{task_id} is reachable and not"
            );
            assert!(framework.agents.contains(&task.agent), "{id} knows that it runs on {}", task.agent);
        }
        for (agent_id, executor) in &framework.executors {
            let agent = self.agents.registered.get(agent_id).expect("an executor's agent is registered");
            assert!(
                agent.executors.contains_key(&(id.clone(), executor.clone())),
                "{executor} is on {agent_id}"
            );
        }
        for number in &framework.offers {
            assert_eq!(
                self.offers.get(number).map(|offer| &offer.framework),
                Some(id),
                "{id} owns offer {number}"
            );
        }
        for agent in &framework.agents {
            let host = self.agents.registered.get(agent).expect("a framework knows registered agents only");
            assert!(host.frameworks.contains(id), "{agent} knows {id}");
        }
    }

    fn check_agent(&self, agent: &Agent) {
        let id = &agent.id;
        let found = self.agents.by_pid.get(&agent.pid) == Some(id);
        assert!(found || agent.leaving, "{id} is found by its address, unless another has taken that over");
        assert_eq!(self.agents.observers.get(&agent.observer.number), Some(id), "{id} is observed");
        assert!(!self.agents.recovered.contains_key(id), "{id} is both registered and awaited");
        assert!(!self.agents.unreachable.contains_key(id), "{id} is both registered and unreachable");
        assert!(agent.connected || !agent.active, "{id} is not offered while it is disconnected");
        assert!(self.timers.is_set(&Timer::Ping(id.clone())), "{id} is pinged");
        for (framework, task) in &agent.tasks {
            let task = self.task(framework, task).expect("an agent's task is known to its framework");
            assert_eq!(task.agent, *id, "a task is on one agent");
        }
        for (framework, executor) in agent.executors.keys() {
            let owner =
                self.frameworks.registered.get(framework).expect("an executor's framework is registered");
            assert!(
                owner.executors.contains(&(id.clone(), executor.clone())),
                "{executor} is known to its framework"
            );
        }
        for number in &agent.offers {
            assert_eq!(
                self.offers.get(number).map(|offer| &offer.agent),
                Some(id),
                "{id} has offer {number}"
            );
        }
        for framework in &agent.frameworks {
            let owner =
                self.frameworks.registered.get(framework).expect("an agent knows registered frameworks only");
            assert!(owner.agents.contains(id), "{framework} knows {id}");
        }
        check_total(agent);
        for (framework, held) in self.held_on(agent) {
            let counted = self.allocator.held(&framework, id);
            assert_eq!(counted, held, "the allocator counts what {framework} holds on {id}");
        }
    }

    /// What each framework holds on an agent: its tasks, executors and offers.
    fn held_on(&self, agent: &Agent) -> BTreeMap<FrameworkId, Resources> {
        let mut held: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        for (framework, task) in &agent.tasks {
            if let Some(task) = self.task(framework, task).filter(|task| task.holds_resources()) {
                *held.entry(framework.clone()).or_default() += &task.resources;
            }
        }
        for ((framework, _), executor) in &agent.executors {
            *held.entry(framework.clone()).or_default() += &executor.resources;
        }
        for offer in agent.offers.iter().filter_map(|number| self.offers.get(number)) {
            *held.entry(offer.framework.clone()).or_default() += &offer.resources;
        }
        for framework in &agent.frameworks {
            held.entry(framework.clone()).or_default();
        }
        held
    }

    fn check_timers(&self) {
        let framework = |id: &FrameworkId| self.frameworks.registered.get(id);
        let agent = |id: &AgentId| self.agents.registered.get(id);
        for timer in self.timers.iter() {
            let alive = match timer {
                Timer::Heartbeat(id) => framework(id).is_some_and(Framework::is_connected),
                Timer::Failover(id) => framework(id).is_some_and(|framework| !framework.is_connected()),
                Timer::SlowReader(id) => {
                    framework(id).is_some_and(|framework| framework.slow_reader.is_some())
                }
                Timer::Ping(id) => agent(id).is_some(),
                Timer::Reregister(id) => agent(id).is_some_and(|agent| !agent.connected),
                Timer::RateLimit(limited) => self.limiters.waiting().any(|waiting| waiting == limited),
                Timer::Offer(number) => self.offers.contains_key(number),
                Timer::InverseOffer(number) => self.inverse_offers.contains_key(number),
                Timer::RecoveredAgents | Timer::AgentRemoval | Timer::RegistryGc => true,
            };
            assert!(alive, "{timer:?} is for something that is there");
        }
        for limited in self.limiters.waiting() {
            let timer = Timer::RateLimit(limited.clone());
            assert!(self.timers.is_set(&timer), "what waits for its turn gets it");
        }
    }
}

/// Operations only ever convert: without reservations and volumes, an agent has what it was started with.
fn check_total(agent: &Agent) {
    let id = &agent.id;
    let own = Resources::from_protos(&agent.info.unpack().resources)
        .expect("an agent's resources were read when it registered");
    let total: Resources = agent.total.non_revocable().iter().map(Resource::without_checkpoint).collect();
    assert_eq!(total, own.non_revocable(), "no resource of {id} is lost or invented");
    let reserved = agent.total.filter(Resource::needs_checkpointing);
    let known =
        Resources::from_protos(&agent.checkpointed).expect("what is checkpointed was read or made here");
    assert_eq!(reserved, known, "what {id} must remember is known");
}
