//! The operations that agents carry out, until somebody has acknowledged their end.
//!
//! Only agents with the capability `RESOURCE_PROVIDER` have operations; the others are told the outcome instead. An
//! operation whose framework is removed stays, and the master acknowledges it in its place.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1;
use tepui_proto::v1::OperationState;
use tepui_types::{AgentId, FrameworkId, OperationId, Uuid};

/// The most operations that are kept for one agent. A framework that acknowledges none, or an agent that invents some,
/// must not fill the memory of the master.
const MAX_OPERATIONS_PER_AGENT: usize = 10_000;

/// The most statuses that are remembered of an operation; agents that work right send one or two.
const MAX_STATUSES: usize = 16;

/// The name of an operation. An agent could claim the uuid of another's operation, so both count.
pub(crate) type Key = (AgentId, Uuid);

/// All operations, and the ways to find them.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    /// Ordered by agent.
    all: BTreeMap<Key, v1::Operation>,
    by_framework: BTreeSet<(FrameworkId, Key)>,
    /// The newest of each id that a framework gave.
    by_id: BTreeMap<(FrameworkId, OperationId), Key>,
}

impl Operations {
    /// Adds an operation; says whether there was room, and none of its name.
    pub(crate) fn add(&mut self, key: Key, operation: v1::Operation) -> bool {
        if self.all.contains_key(&key) || self.is_full(&key.0) {
            return false;
        }
        if let Some(framework) = operation.framework_id.as_ref().map(FrameworkId::from) {
            if let Some(id) = operation.info.id.as_ref().map(OperationId::from) {
                self.by_id.insert((framework.clone(), id), key.clone());
            }
            self.by_framework.insert((framework, key.clone()));
        }
        self.all.insert(key, operation);
        true
    }

    /// Takes an operation out.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<v1::Operation> {
        let operation = self.all.remove(key)?;
        if let Some(framework) = operation.framework_id.as_ref().map(FrameworkId::from) {
            if let Some(id) = operation.info.id.as_ref().map(OperationId::from) {
                let named = (framework.clone(), id);
                if self.by_id.get(&named) == Some(key) {
                    self.by_id.remove(&named);
                }
            }
            self.by_framework.remove(&(framework, key.clone()));
        }
        Some(operation)
    }

    /// Tells whether an agent can have no more operations.
    pub(crate) fn is_full(&self, agent: &AgentId) -> bool {
        self.of_agent(agent).nth(MAX_OPERATIONS_PER_AGENT - 1).is_some()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// An operation by its name.
    pub(crate) fn get(&self, key: &Key) -> Option<&v1::Operation> {
        self.all.get(key)
    }

    /// An operation by the id that its framework gave it.
    pub(crate) fn find(&self, framework: &FrameworkId, id: &OperationId) -> Option<(&Key, &v1::Operation)> {
        self.all.get_key_value(self.by_id.get(&(framework.clone(), id.clone()))?)
    }

    /// The operations on one agent.
    pub(crate) fn of_agent(&self, agent: &AgentId) -> impl Iterator<Item = (&Key, &v1::Operation)> {
        let first = (agent.clone(), Uuid::from_bytes([0; 16]));
        let last = (agent.clone(), Uuid::from_bytes([0xff; 16]));
        self.all.range(first..=last)
    }

    /// The operations of one framework.
    pub(crate) fn of_framework(&self, framework: &FrameworkId) -> impl Iterator<Item = &v1::Operation> {
        let first = (framework.clone(), (AgentId::new(""), Uuid::from_bytes([0; 16])));
        self.by_framework
            .range(first..)
            .take_while({
                let framework = framework.clone();
                move |(owner, _)| *owner == framework
            })
            .filter_map(|(_, key)| self.all.get(key))
    }

    /// Notes a status, of which a terminal one is final. Returns the state before and after.
    pub(crate) fn update(
        &mut self,
        key: &Key,
        status: &v1::OperationStatus,
    ) -> Option<(OperationState, OperationState)> {
        let operation = self.all.get_mut(key)?;
        let before = operation.latest_status.state();
        if !tepui_types::is_terminal_operation(before) {
            operation.latest_status = status.clone();
        }
        if operation.statuses.last() != Some(status) {
            if operation.statuses.len() == MAX_STATUSES {
                operation.statuses.remove(0);
            }
            operation.statuses.push(status.clone());
        }
        Some((before, operation.latest_status.state()))
    }

    /// Panics if the ways to find operations do not agree.
    pub(crate) fn check(&self) {
        for (framework, key) in &self.by_framework {
            let operation = self.all.get(key).expect("a framework's operation is there");
            let owner = operation.framework_id.as_ref().map(FrameworkId::from);
            assert_eq!(owner.as_ref(), Some(framework), "{key:?} is filed under its framework");
        }
        for ((framework, id), key) in &self.by_id {
            let operation = self.all.get(key).expect("a named operation is there");
            assert_eq!(
                operation.info.id.as_ref().map(OperationId::from).as_ref(),
                Some(id),
                "{key:?} has its id"
            );
            assert!(self.by_framework.contains(&(framework.clone(), key.clone())), "{key:?} has an owner");
        }
    }

    /// The agents that have operations.
    pub(crate) fn agents(&self) -> BTreeSet<&AgentId> {
        self.all.keys().map(|(agent, _)| agent).collect()
    }
}

/// What is told of an operation when its framework asks.
pub(crate) fn reconciled_status(operation: &v1::Operation) -> v1::OperationStatus {
    let newest = operation.statuses.last().unwrap_or(&operation.latest_status);
    v1::OperationStatus { uuid: None, ..newest.clone() }
}
