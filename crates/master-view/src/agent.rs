//! An agent as the view holds it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tepui_master_core::AgentEntity;
use tepui_types::{FrameworkId, Resources};

use crate::held::parse_resources;

/// An agent, and what is taken of it.
#[derive(Debug)]
pub(crate) struct Agent {
    /// As the core last told it.
    pub(crate) entity: Arc<AgentEntity>,
    /// All of its resources.
    pub(crate) total: Resources,
    /// What tasks and executors hold, by framework.
    pub(crate) used: BTreeMap<FrameworkId, Resources>,
    /// What is in offers.
    pub(crate) offered: Resources,
}

impl Agent {
    pub(crate) fn new(entity: AgentEntity) -> Self {
        let total = parse_resources(&entity.total);
        Self { entity: Arc::new(entity), total, used: BTreeMap::new(), offered: Resources::default() }
    }

    /// Replaces what the core tells; what is taken stays.
    pub(crate) fn update(&mut self, entity: AgentEntity) {
        self.total = parse_resources(&entity.total);
        self.entity = Arc::new(entity);
    }

    /// Takes resources for a framework.
    pub(crate) fn take(&mut self, framework: &FrameworkId, resources: &Resources) {
        *self.used.entry(framework.clone()).or_default() += resources;
    }

    /// Gives back what a framework held.
    pub(crate) fn give_back(&mut self, framework: &FrameworkId, resources: &Resources) {
        if let Some(used) = self.used.get_mut(framework) {
            *used -= resources;
            if used.is_empty() {
                self.used.remove(framework);
            }
        }
    }

    /// What all frameworks hold together.
    pub(crate) fn used_in_all(&self) -> Resources {
        let mut sum = Resources::default();
        for used in self.used.values() {
            sum += used;
        }
        sum
    }
}
