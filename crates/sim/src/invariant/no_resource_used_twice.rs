//! No resource is offered or used twice: neither in the master's books nor by the tasks that really run.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::Change;
use tepui_proto::v1;
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resource, Resources, TaskId};

use crate::agent_host::AgentHost;

/// Who holds a part of an agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Offer(OfferId),
    Task(FrameworkId, TaskId),
    Executor(FrameworkId, ExecutorId),
}

#[derive(Debug, Default)]
struct Agent {
    total: Resources,
    held: BTreeMap<Holder, Resources>,
}

/// A fold of the journal of its own, apart from the view's.
#[derive(Debug, Default)]
pub(crate) struct NoResourceUsedTwice {
    agents: BTreeMap<AgentId, Agent>,
    places: BTreeMap<Holder, AgentId>,
    touched: BTreeSet<AgentId>,
    torn_down: BTreeSet<FrameworkId>,
}

fn read(resources: &[v1::Resource]) -> Resources {
    let read =
        resources.iter().map(|it| Resource::from_proto(it).expect("the master journals valid resources"));
    let mut resources: Resources = read.collect();
    resources.unallocate();
    resources
}

impl NoResourceUsedTwice {
    pub(crate) fn torn_down(&mut self, framework: &FrameworkId) {
        self.torn_down.insert(framework.clone());
    }

    pub(crate) fn changed(&mut self, change: &Change) {
        match change {
            Change::AgentAdded(agent) | Change::AgentUpdated(agent) => {
                let id = agent.info.id.as_ref().map(AgentId::from).expect("an agent has an id");
                self.agents.entry(id.clone()).or_default().total = read(&agent.total);
                self.touched.insert(id);
            }
            Change::AgentRemoved { id, .. } => drop(self.agents.remove(id)),
            Change::TaskAdded { framework, id, agent, task } => {
                let holder = Holder::Task(framework.clone(), id.clone());
                if !tepui_types::is_terminal(task.state()) {
                    self.hold(holder, agent.clone(), read(&task.resources));
                }
            }
            Change::TaskUpdated { framework, task, freed: true, .. }
            | Change::TaskRemoved { framework, task, .. } => {
                self.release(&Holder::Task(framework.clone(), task.clone()));
            }
            Change::ExecutorAdded { agent, framework, info } => {
                let id = ExecutorId::new(format!("{agent}/{}", info.executor_id.value));
                self.hold(Holder::Executor(framework.clone(), id), agent.clone(), read(&info.resources));
            }
            Change::ExecutorRemoved { agent, framework, executor } => {
                let id = ExecutorId::new(format!("{agent}/{executor}"));
                self.release(&Holder::Executor(framework.clone(), id));
            }
            Change::OfferAdded(offer) => {
                let holder = Holder::Offer(OfferId::from(&offer.id));
                self.hold(holder, AgentId::from(&offer.agent_id), read(&offer.resources));
            }
            Change::OfferRemoved(id) => self.release(&Holder::Offer(id.clone())),
            Change::Elected { .. }
            | Change::FrameworkAdded(_)
            | Change::FrameworkUpdated(_)
            | Change::FrameworkCompleted { .. }
            | Change::FrameworkForgotten(_)
            | Change::AgentReachable(_)
            | Change::AgentForgotten(_)
            | Change::AgentUnreachable(..)
            | Change::AgentRecovered(_)
            | Change::TaskUpdated { .. }
            | Change::InverseOfferAdded(_)
            | Change::InverseOfferRemoved(_)
            | Change::InverseOfferAnswered { .. }
            | Change::InverseOfferAnswersForgotten(_)
            | Change::MaintenanceChanged { .. }
            | Change::Counted(_) => {}
        }
    }

    fn hold(&mut self, holder: Holder, agent: AgentId, resources: Resources) {
        self.release(&holder);
        self.agents.entry(agent.clone()).or_default().held.insert(holder.clone(), resources);
        self.touched.insert(agent.clone());
        self.places.insert(holder, agent);
    }

    fn release(&mut self, holder: &Holder) {
        if let Some(agent) = self.places.remove(holder)
            && let Some(agent) = self.agents.get_mut(&agent)
        {
            agent.held.remove(holder);
        }
    }

    /// The journal's books of the agents that changed.
    pub(crate) fn check(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            let Some(agent) = self.agents.get(&id) else { continue };
            let held: Resources = agent.held.values().sum();
            // Of a shared volume there are as many copies as are wanted.
            assert!(
                agent.total.non_shared().contains(&held.non_shared()),
                "{id} has {}, but {held} is held: {:?}",
                agent.total,
                agent.held
            );
        }
    }

    /// A task began on an agent: all that run there have room.
    pub(crate) fn task_started(&self, host: &AgentHost) {
        let containers = host.containers.values().filter(|it| !self.torn_down.contains(&it.framework));
        let used: Resources = containers.map(crate::executor::Container::in_use).sum();
        let used: Resources = used.non_shared().iter().map(Resource::without_checkpoint).collect();
        assert!(host.total.contains(&used), "{} has {}, but {used} is used", host.pid, host.total);
    }
}
