//! The view's side of the books: what it and the core must agree on.

use std::collections::BTreeSet;

use tepui_master_core::{AgentBook, FrameworkBook};
use tepui_types::{AgentId, FrameworkId, OfferId, Resources};

use crate::view::View;

impl View {
    /// The registered agents.
    pub fn agent_ids(&self) -> BTreeSet<AgentId> {
        self.agents.keys().cloned().collect()
    }

    /// The frameworks that have not been removed.
    pub fn framework_ids(&self) -> BTreeSet<FrameworkId> {
        self.frameworks.keys().cloned().collect()
    }

    /// What is known of an agent.
    pub fn agent_book(&self, id: &AgentId) -> Option<AgentBook> {
        let agent = self.agents.get(id)?;
        let used = agent.used.iter().filter(|(_, held)| !held.is_empty());
        let used = used.map(|(framework, held)| (framework.clone(), held.clone())).collect();
        let offers = self.offers.iter().filter(|(_, offer)| offer.agent == *id);
        Some(AgentBook {
            connected: agent.connected,
            active: agent.active,
            total: agent.total.clone(),
            used,
            offers: offers.map(|(id, offer)| (id.clone(), offer.resources.clone())).collect(),
        })
    }

    /// What is known of a framework.
    pub fn framework_book(&self, id: &FrameworkId) -> Option<FrameworkBook> {
        let framework = self.frameworks.get(id)?;
        let tasks = framework.tasks.iter().map(|(id, task)| {
            let held = if task.holds_resources { task.resources() } else { Resources::new() };
            (id.clone(), (task.agent().clone(), task.state(), held))
        });
        Some(FrameworkBook {
            connected: framework.entity.connected,
            recovered: framework.entity.recovered,
            suppressed: framework.entity.suppressed_roles.iter().cloned().collect(),
            tasks: tasks.collect(),
            executors: framework.executors.keys().cloned().collect(),
            offers: framework.offers.keys().map(OfferId::clone).collect(),
        })
    }
}
