//! No resource is offered or used twice: neither in the master's books nor by the tasks that really run.
//!
//! An agent that did not get an operation re-registers without the reservation or volume that its master counted with.
//! A task that was to use it is then on the books until the agent has been asked about it. It cannot run, because agents
//! refuse tasks that use what they do not have; so its share of what is not there counts for nothing.

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
    /// The tasks of which the agent has said nothing yet.
    silent: BTreeSet<Holder>,
}

impl Agent {
    /// What a holder has, without what it cannot get any more.
    fn counted(&self, holder: &Holder, held: &Resources) -> Resources {
        if !self.silent.contains(holder) {
            return held.clone();
        }
        held.filter(|resource| !resource.needs_checkpointing() || self.total.contains_resource(resource))
    }
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
                self.agents.entry(agent.id.clone()).or_default().total = agent.total.clone();
                self.touched.insert(agent.id.clone());
            }
            Change::AgentRemoved { id, .. } => drop(self.agents.remove(id)),
            Change::TaskAdded { framework, id, agent, task, .. } => {
                let holder = Holder::Task(framework.clone(), id.clone());
                if !tepui_types::is_terminal(task.state()) {
                    self.hold(holder.clone(), agent.clone(), read(&task.resources));
                }
                if task.state() == v1::TaskState::TaskStaging {
                    self.agents.entry(agent.clone()).or_default().silent.insert(holder);
                }
            }
            Change::TaskUpdated { framework, task, freed: Some(_), .. }
            | Change::TaskRemoved { framework, task, .. } => {
                self.release(&Holder::Task(framework.clone(), task.clone()));
            }
            Change::TaskUpdated { framework, task, update: Some(_), .. } => {
                self.speaks(&Holder::Task(framework.clone(), task.clone()));
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
                let holder = Holder::Offer(offer.id.clone());
                let mut resources = offer.resources.clone();
                resources.unallocate();
                self.hold(holder, offer.agent.clone(), resources);
            }
            Change::OfferRemoved(id) => self.release(&Holder::Offer(id.clone())),
            Change::Elected { .. }
            | Change::FrameworkAdded(_)
            | Change::FrameworkUpdated(_)
            | Change::FrameworkCompleted { .. }
            | Change::FrameworkForgotten(_)
            | Change::FrameworkAnnounced { .. }
            | Change::AgentAnnounced { .. }
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
            agent.silent.remove(holder);
        }
    }

    fn speaks(&mut self, holder: &Holder) {
        if let Some(agent) = self.places.get(holder).and_then(|agent| self.agents.get_mut(agent)) {
            agent.silent.remove(holder);
        }
    }

    /// The journal's books of the agents that changed.
    pub(crate) fn check(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            let Some(agent) = self.agents.get(&id) else { continue };
            let held: Resources = agent.held.iter().map(|(holder, held)| agent.counted(holder, held)).sum();
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
