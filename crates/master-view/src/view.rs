//! The fold: what the master's readers know, kept up to date by the journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tepui_master_core::{AgentRemoval, Change, Counter, OfferEntity, TaskAfterlife};
use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, TaskId, Uuid, WallTime};

use crate::agent::Agent;
use crate::framework::Framework;
use crate::held::parse_resources;
use crate::maintenance::Maintenance;
use crate::metrics::Counters;
use crate::settings::Settings;
use crate::sizes::Sizes;
use crate::stream::Stream;
use crate::task::Task;

/// What the master's readers know.
#[derive(Debug)]
pub struct View {
    pub(crate) settings: Settings,
    pub(crate) leader: Option<Leader>,
    pub(crate) agents: BTreeMap<AgentId, Box<Agent>>,
    pub(crate) recovered_agents: BTreeMap<AgentId, Box<v1::AgentInfo>>,
    pub(crate) unreachable_agents: BTreeMap<AgentId, WallTime>,
    pub(crate) frameworks: BTreeMap<FrameworkId, Framework>,
    /// Removed frameworks, oldest first.
    pub(crate) completed_frameworks: VecDeque<Framework>,
    pub(crate) offers: BTreeMap<OfferId, Arc<OfferEntity>>,
    /// Whom each inverse offer was made to.
    inverse_offers: BTreeMap<OfferId, FrameworkId>,
    pub(crate) maintenance: Maintenance,
    pub(crate) counters: Counters,
    pub(crate) sizes: Sizes,
    pub(crate) stream: Stream,
}

/// The master that leads.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) info: v1::MasterInfo,
    pub(crate) started: WallTime,
    pub(crate) elected: WallTime,
}

impl View {
    /// Makes the view of a master that has done nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            leader: None,
            agents: BTreeMap::new(),
            recovered_agents: BTreeMap::new(),
            unreachable_agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            completed_frameworks: VecDeque::new(),
            offers: BTreeMap::new(),
            inverse_offers: BTreeMap::new(),
            maintenance: Maintenance::default(),
            counters: Counters::new(),
            sizes: Sizes::default(),
            stream: Stream::default(),
        }
    }

    /// Folds one entry of the journal. What it does not know it ignores: a reader must not be able to stop the master.
    pub fn fold(&mut self, change: Change) {
        match change {
            Change::Elected { info, started, elected } => {
                self.leader = Some(Leader { info: *info, started, elected });
            }
            Change::FrameworkAdded(entity) | Change::FrameworkUpdated(entity) => {
                let id = entity.info.id.as_ref().map_or_else(|| FrameworkId::new(""), FrameworkId::from);
                match self.frameworks.get_mut(&id) {
                    Some(framework) => framework.entity = Arc::new(*entity),
                    None => drop(self.frameworks.insert(id, Framework::new(*entity))),
                }
            }
            Change::FrameworkAnnounced { id, news } => self.tell_of_framework(&id, news),
            Change::FrameworkCompleted { id, at } => self.complete_framework(&id, at),
            Change::FrameworkForgotten(id) => {
                self.completed_frameworks.retain(|framework| framework.id() != id);
            }
            Change::AgentAdded(entity) => {
                self.tell_of_arrival(&entity.id);
                self.put_agent(*entity);
            }
            Change::AgentUpdated(entity) => self.put_agent(*entity),
            Change::AgentAnnounced { id, recovered } => self.tell_of_agent(&id, &recovered),
            Change::AgentRemoved { id, why, at } => self.remove_agent(&id, why, at),
            Change::AgentReachable(id) | Change::AgentForgotten(id) => {
                self.unreachable_agents.remove(&id);
            }
            Change::AgentUnreachable(id, at) => drop(self.unreachable_agents.insert(id, at)),
            Change::AgentRecovered(info) => {
                let id = info.id.as_ref().map_or_else(|| AgentId::new(""), AgentId::from);
                self.recovered_agents.insert(id, info);
            }
            Change::TaskAdded { framework, id, agent, task, held } => {
                self.add_task(&framework, Task::new(id, agent, &task), &held);
            }
            Change::TaskUpdated { framework, task, state, update, status, freed } => {
                self.update_task(&framework, &task, state, update, status, freed);
            }
            Change::TaskRemoved { framework, task, to, freed } => {
                self.remove_task(&framework, &task, to, freed);
            }
            Change::ExecutorAdded { agent, framework, info } => self.add_executor(agent, &framework, info),
            Change::ExecutorRemoved { agent, framework, executor } => {
                self.remove_executor(agent, &framework, executor);
            }
            Change::OfferAdded(offer) => self.add_offer(Arc::from(offer)),
            Change::OfferRemoved(id) => self.remove_offer(&id),
            Change::InverseOfferAdded(offer) => self.add_inverse_offer(*offer),
            Change::InverseOfferRemoved(id) => self.remove_inverse_offer(&id),
            Change::InverseOfferAnswered { agent, status } => self.maintenance.answer(agent, *status),
            Change::InverseOfferAnswersForgotten(agent) => self.maintenance.forget_answers(&agent),
            Change::MaintenanceChanged { schedule, machines } => self.maintenance.set(*schedule, machines),
            Change::Counted(counter) => self.count(&counter),
        }
    }

    /// Tells whether a master leads, to whom all but a few reads go.
    pub fn is_leading(&self) -> bool {
        self.leader.is_some()
    }

    fn complete_framework(&mut self, id: &FrameworkId, at: WallTime) {
        self.tell_of_removed_framework(id);
        let Some(mut framework) = self.frameworks.remove(id) else { return };
        self.maintenance.forget_framework(id);
        framework.unregistered = Some(at);
        let entity = Arc::make_mut(&mut framework.entity);
        (entity.active, entity.connected, entity.recovered) = (false, false, false);
        self.completed_frameworks.push_back(framework);
        self.forget_principals();
        while self.completed_frameworks.len() > self.settings.max_completed_frameworks {
            self.completed_frameworks.pop_front();
        }
    }

    /// Compat: a principal's counters begin anew after the last of its frameworks is gone.
    fn forget_principals(&mut self) {
        let frameworks = self.frameworks.values();
        let principals: BTreeSet<&str> =
            frameworks.filter_map(|framework| framework.entity.info.principal.as_deref()).collect();
        self.counters.keep_principals(&principals);
    }

    fn put_agent(&mut self, entity: tepui_master_core::AgentEntity) {
        self.recovered_agents.remove(&entity.id);
        self.unreachable_agents.remove(&entity.id);
        match self.agents.get_mut(&entity.id) {
            Some(agent) => agent.update(entity),
            None => drop(self.agents.insert(entity.id.clone(), Box::new(Agent::new(entity)))),
        }
    }

    fn remove_agent(&mut self, id: &AgentId, why: AgentRemoval, at: WallTime) {
        self.tell_of_removed_agent(id, why);
        self.agents.remove(id);
        self.maintenance.forget_answers(id);
        self.recovered_agents.remove(id);
        match why {
            AgentRemoval::Unreachable => drop(self.unreachable_agents.insert(id.clone(), at)),
            AgentRemoval::Unregistered | AgentRemoval::Replaced | AgentRemoval::Gone => {}
        }
    }

    fn add_task(&mut self, framework_id: &FrameworkId, task: Task, held: &Resources) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        framework.find_again(task.id());
        if framework.tasks.contains_key(task.id()) {
            self.remove_task(framework_id, task.id(), TaskAfterlife::Forgotten, None);
        }
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        if task.holds_resources {
            framework.used += held;
            if let Some(agent) = self.agents.get_mut(task.agent()) {
                agent.take(framework_id, held);
            }
        }
        let (id, agent) = (task.id().clone(), task.agent().clone());
        framework.tasks.insert(id.clone(), task);
        self.tell_of_task(framework_id, &id, &agent);
    }

    fn update_task(
        &mut self,
        framework_id: &FrameworkId,
        id: &TaskId,
        state: v1::TaskState,
        update: Option<(v1::TaskState, Uuid)>,
        status: Option<Box<v1::TaskStatus>>,
        freed: Option<Resources>,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(task) = framework.task_mut(id) else { return };
        let mut status = status.map(|status| *status);
        // A task does not keep the data of its statuses, which may be large; those who follow get it.
        let data = status.as_mut().and_then(|status| status.data.take());
        let is_change = task.update(state, update, status.as_ref());
        let state = task.state();
        if let Some(resources) = freed.filter(|_| task.holds_resources) {
            task.holds_resources = false;
            let agent = task.agent().clone();
            *framework.counters.terminal.entry(state).or_default() += 1;
            self.free(framework_id, &agent, &resources);
        }
        if let Some(status) = status {
            self.tell_of_status(framework_id, v1::TaskStatus { data, ..status }, state, is_change);
        }
    }

    fn remove_task(
        &mut self,
        framework_id: &FrameworkId,
        id: &TaskId,
        to: TaskAfterlife,
        freed: Option<Resources>,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let task = framework.tasks.remove(id).or_else(|| framework.find_again(id));
        let Some(mut task) = task else { return };
        let held = std::mem::take(&mut task.holds_resources)
            .then(|| (task.agent().clone(), freed.unwrap_or_else(|| task.resources())));
        match to {
            TaskAfterlife::Completed => {
                framework.complete(task, self.settings.max_completed_tasks_per_framework);
            }
            TaskAfterlife::Unreachable => {
                framework.lose(task, self.settings.max_unreachable_tasks_per_framework);
            }
            TaskAfterlife::Forgotten => {}
        }
        if let Some((agent, resources)) = held {
            self.free(framework_id, &agent, &resources);
        }
    }

    fn add_executor(&mut self, agent: AgentId, framework_id: &FrameworkId, info: Box<Raw<v1::ExecutorInfo>>) {
        let key = (agent, ExecutorId::from(&info.executor_id));
        self.remove_executor(key.0.clone(), framework_id, key.1.clone());
        let resources = parse_resources(&info.resources);
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        framework.used += &resources;
        if let Some(agent) = self.agents.get_mut(&key.0) {
            agent.take(framework_id, &resources);
        }
        framework.executors.insert(key, info);
    }

    fn remove_executor(&mut self, agent: AgentId, framework_id: &FrameworkId, executor: ExecutorId) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let key = (agent, executor);
        let Some(info) = framework.executors.remove(&key) else { return };
        self.free(framework_id, &key.0, &parse_resources(&info.resources));
    }

    fn free(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &Resources) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.give_back(framework, resources);
        }
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.used -= resources;
        }
    }

    fn add_offer(&mut self, offer: Arc<OfferEntity>) {
        self.remove_offer(&offer.id);
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.offered += &offer.resources;
        }
        if let Some(framework) = self.frameworks.get_mut(&offer.framework) {
            framework.offered += &offer.resources;
            framework.offers.insert(offer.id.clone(), Arc::clone(&offer));
        }
        self.offers.insert(offer.id.clone(), offer);
    }

    fn remove_offer(&mut self, id: &OfferId) {
        let Some(offer) = self.offers.remove(id) else { return };
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.offered -= &offer.resources;
        }
        if let Some(framework) = self.frameworks.get_mut(&offer.framework) {
            framework.offered -= &offer.resources;
            framework.offers.remove(id);
        }
    }

    fn add_inverse_offer(&mut self, offer: v1::InverseOffer) {
        let (id, framework) = (OfferId::from(&offer.id), FrameworkId::from(&offer.framework_id));
        if let Some(entry) = self.frameworks.get_mut(&framework) {
            entry.inverse_offers.insert(id.clone(), offer);
        }
        self.inverse_offers.insert(id, framework);
    }

    fn remove_inverse_offer(&mut self, id: &OfferId) {
        let Some(framework) = self.inverse_offers.remove(id) else { return };
        if let Some(framework) = self.frameworks.get_mut(&framework) {
            framework.inverse_offers.remove(id);
        }
    }

    fn count(&mut self, counter: &Counter) {
        match counter {
            Counter::Named(_)
            | Counter::TaskTerminal(..)
            | Counter::OperationEntered(..)
            | Counter::OperationLeft(..) => self.counters.count(counter),
            Counter::MessageReceived(id) | Counter::MessageProcessed(id) => {
                let framework = self.frameworks.get(id);
                if let Some(principal) = framework.and_then(|it| it.entity.info.principal.clone()) {
                    self.counters.count_message(principal, counter);
                }
            }
            Counter::Call(id, _)
            | Counter::Event(id, _)
            | Counter::Operation(id, _)
            | Counter::Offers(id, ..) => {
                let framework = match self.frameworks.get_mut(id) {
                    Some(framework) => Some(framework),
                    None => {
                        self.completed_frameworks.iter_mut().rev().find(|framework| framework.id() == *id)
                    }
                };
                if let Some(framework) = framework {
                    framework.counters.count(counter);
                }
            }
        }
    }
}
