//! The books: what the core and its view must agree on. For the simulator, which compares the two.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1::TaskState;
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, TaskId};

use crate::master::Master;
use crate::offer::offer_id;

/// An agent in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentBook {
    /// Connected to the master.
    pub connected: bool,
    /// Offers are made for it.
    pub active: bool,
    /// All that it has.
    pub total: Resources,
    /// What tasks and executors hold, by framework; those that hold nothing are left out.
    pub used: BTreeMap<FrameworkId, Resources>,
    /// The outstanding offers of it.
    pub offers: BTreeMap<OfferId, Resources>,
}

/// A framework in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkBook {
    /// Has a stream.
    pub connected: bool,
    /// Known only from agents so far.
    pub recovered: bool,
    /// The roles in which it wants no offers.
    pub suppressed: BTreeSet<String>,
    /// Its tasks on agents: where, in which state, and what they hold.
    pub tasks: BTreeMap<TaskId, (AgentId, TaskState, Resources)>,
    /// Its executors.
    pub executors: BTreeSet<(AgentId, ExecutorId)>,
    /// Its outstanding offers.
    pub offers: BTreeSet<OfferId>,
}

impl Master {
    /// The registered agents.
    pub fn agent_ids(&self) -> BTreeSet<AgentId> {
        self.agents.registered.keys().cloned().collect()
    }

    /// The frameworks that have not been removed.
    pub fn framework_ids(&self) -> BTreeSet<FrameworkId> {
        self.frameworks.registered.keys().cloned().collect()
    }

    /// The operations that nobody has acknowledged yet.
    pub fn operation_count(&self) -> usize {
        self.operations.count()
    }

    /// What is known of an agent.
    pub fn agent_book(&self, id: &AgentId) -> Option<AgentBook> {
        let agent = self.agents.registered.get(id)?;
        let mut used: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        for (framework, task) in &agent.tasks {
            if let Some(task) = self.task(framework, task).filter(|task| task.holds_resources()) {
                *used.entry(framework.clone()).or_default() += &task.resources;
            }
        }
        for ((framework, _), executor) in &agent.executors {
            *used.entry(framework.clone()).or_default() += &executor.resources;
        }
        used.retain(|_, held| !held.is_empty());
        let offers = agent.offers.iter().filter_map(|number| {
            let offer = self.offers.get(number)?;
            Some((offer_id(&self.id, *number), offer.resources.clone()))
        });
        Some(AgentBook {
            connected: agent.connected,
            active: agent.active,
            total: agent.total.clone(),
            used,
            offers: offers.collect(),
        })
    }

    /// What is known of a framework.
    pub fn framework_book(&self, id: &FrameworkId) -> Option<FrameworkBook> {
        let framework = self.frameworks.registered.get(id)?;
        let tasks = framework.tasks.iter().map(|(id, task)| {
            let held = if task.holds_resources() { task.resources.clone() } else { Resources::new() };
            (id.clone(), (task.agent.clone(), task.state, held))
        });
        Some(FrameworkBook {
            connected: framework.is_connected(),
            recovered: framework.is_recovered(),
            suppressed: framework.suppressed.clone(),
            tasks: tasks.collect(),
            executors: framework.executors.clone(),
            offers: framework.offers.iter().map(|number| offer_id(&self.id, *number)).collect(),
        })
    }
}
