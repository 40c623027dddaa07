//! A framework as the view holds it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tepui_master_core::{Counter, FrameworkEntity, OfferEntity, OfferFate};
use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, TaskId, WallTime};

use crate::task::Task;

/// A framework with its tasks and executors, what it holds, and what it has done.
#[derive(Debug)]
pub(crate) struct Framework {
    /// As the core last told it.
    pub(crate) entity: Arc<FrameworkEntity>,
    /// When it was removed.
    pub(crate) unregistered: Option<WallTime>,
    /// Tasks on agents.
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// Tasks that ended, oldest first.
    pub(crate) completed: VecDeque<Task>,
    /// Tasks on unreachable agents, oldest first.
    pub(crate) unreachable: BTreeMap<u64, Task>,
    unreachable_numbers: BTreeMap<TaskId, u64>,
    next_unreachable: u64,
    /// Executors on agents.
    pub(crate) executors: BTreeMap<(AgentId, ExecutorId), Box<Raw<v1::ExecutorInfo>>>,
    /// Its outstanding offers.
    pub(crate) offers: BTreeMap<OfferId, Arc<OfferEntity>>,
    /// Its outstanding inverse offers.
    pub(crate) inverse_offers: BTreeMap<OfferId, v1::InverseOffer>,
    /// What its tasks and executors hold.
    pub(crate) used: Resources,
    /// What is offered to it.
    pub(crate) offered: Resources,
    /// What it has done.
    pub(crate) counters: FrameworkCounters,
}

/// What a framework has done so far.
#[derive(Debug, Default)]
pub(crate) struct FrameworkCounters {
    /// Calls, by type.
    pub(crate) calls: BTreeMap<v1::scheduler::call::Type, u64>,
    /// Events, by type.
    pub(crate) events: BTreeMap<v1::scheduler::event::Type, u64>,
    /// Operations, by type.
    pub(crate) operations: BTreeMap<v1::offer::operation::Type, u64>,
    /// Offers, by fate.
    pub(crate) offers: BTreeMap<OfferFate, u64>,
    /// Tasks that ended, by state.
    pub(crate) terminal: BTreeMap<v1::TaskState, u64>,
}

impl Framework {
    pub(crate) fn new(entity: FrameworkEntity) -> Self {
        Self {
            entity: Arc::new(entity),
            unregistered: None,
            tasks: BTreeMap::new(),
            completed: VecDeque::new(),
            unreachable: BTreeMap::new(),
            unreachable_numbers: BTreeMap::new(),
            next_unreachable: 0,
            executors: BTreeMap::new(),
            offers: BTreeMap::new(),
            inverse_offers: BTreeMap::new(),
            used: Resources::default(),
            offered: Resources::default(),
            counters: FrameworkCounters::default(),
        }
    }

    pub(crate) fn id(&self) -> FrameworkId {
        self.entity.info.id.as_ref().map_or_else(|| FrameworkId::new(""), FrameworkId::from)
    }

    /// The roles it is subscribed to.
    pub(crate) fn roles(&self) -> Vec<&str> {
        let info = &self.entity.info;
        if self.is_multi_role() { info.roles.iter().map(String::as_str).collect() } else { vec![info.role()] }
    }

    /// Claims that it speaks of `roles` and not of `role`.
    pub(crate) fn is_multi_role(&self) -> bool {
        let multi_role = v1::framework_info::capability::Type::MultiRole as i32;
        self.entity.info.capabilities.iter().any(|capability| capability.r#type == Some(multi_role))
    }

    /// Remembers an ended task, and forgets the oldest over the limit.
    pub(crate) fn complete(&mut self, task: Task, limit: usize) {
        self.completed.push_back(task);
        while self.completed.len() > limit {
            self.completed.pop_front();
        }
    }

    /// Remembers an unreachable task, and forgets the oldest over the limit.
    pub(crate) fn lose(&mut self, task: Task, limit: usize) {
        let number = self.next_unreachable;
        self.next_unreachable += 1;
        if let Some(older) = self.unreachable_numbers.insert(task.id().clone(), number) {
            self.unreachable.remove(&older);
        }
        self.unreachable.insert(number, task);
        while self.unreachable.len() > limit {
            if let Some((_, oldest)) = self.unreachable.pop_first() {
                self.unreachable_numbers.remove(oldest.id());
            }
        }
    }

    /// A task on an agent, or an unreachable one.
    pub(crate) fn task_mut(&mut self, id: &TaskId) -> Option<&mut Task> {
        match self.tasks.get_mut(id) {
            Some(task) => Some(task),
            None => self.unreachable.get_mut(self.unreachable_numbers.get(id)?),
        }
    }

    /// Takes a task out of the unreachable ones.
    pub(crate) fn find_again(&mut self, task: &TaskId) -> Option<Task> {
        let number = self.unreachable_numbers.remove(task)?;
        self.unreachable.remove(&number)
    }

    /// All tasks that are remembered.
    pub(crate) fn all_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().chain(self.unreachable.values()).chain(&self.completed)
    }
}

impl FrameworkCounters {
    /// Raises what `counter` names, if it is one of a framework's.
    pub(crate) fn count(&mut self, counter: &Counter) {
        match counter {
            Counter::Call(_, kind) => *self.calls.entry(*kind).or_default() += 1,
            Counter::Event(_, kind) => *self.events.entry(*kind).or_default() += 1,
            Counter::Operation(_, kind) => *self.operations.entry(*kind).or_default() += 1,
            Counter::Offers(_, fate, number) => *self.offers.entry(*fate).or_default() += number,
            Counter::Named(_)
            | Counter::TaskTerminal(..)
            | Counter::OperationEntered(..)
            | Counter::OperationLeft(..)
            | Counter::MessageReceived(_)
            | Counter::MessageProcessed(_) => {}
        }
    }
}
