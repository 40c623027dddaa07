//! The tasks that wait until their executor is connected.

use std::collections::VecDeque;

use tepui_proto::{Raw, v1};
use tepui_types::TaskId;

/// What is handed over at once: a task, or a group.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) tasks: Vec<Raw<v1::TaskInfo>>,
    pub(crate) is_group: bool,
}

impl Queued {
    /// The tasks' ids.
    pub(crate) fn task_ids(&self) -> impl Iterator<Item = TaskId> {
        self.tasks.iter().map(|task| TaskId::from(&task.task_id))
    }

    /// Tells whether a task is among them.
    pub(crate) fn has(&self, id: &TaskId) -> bool {
        self.tasks.iter().any(|task| task.task_id.value == id.as_str())
    }
}

/// The oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue(VecDeque<Queued>);

impl Queue {
    pub(crate) fn push(&mut self, tasks: Vec<Raw<v1::TaskInfo>>, is_group: bool) {
        self.0.push_back(Queued { tasks, is_group });
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        self.0.pop_front()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that waits, as it was queued.
    pub(crate) fn lots(&self) -> impl Iterator<Item = &Queued> {
        self.0.iter()
    }

    /// All tasks.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Raw<v1::TaskInfo>> {
        self.0.iter().flat_map(|queued| &queued.tasks)
    }

    /// Tells whether a task waits.
    pub(crate) fn has(&self, id: &TaskId) -> bool {
        self.tasks().any(|task| task.task_id.value == id.as_str())
    }

    /// The tasks that are to be handed over with this one, itself included.
    pub(crate) fn lot_of(&self, id: &TaskId) -> Option<&Queued> {
        self.0.iter().find(|queued| queued.has(id))
    }

    /// Takes them out.
    pub(crate) fn take_lot_of(&mut self, id: &TaskId) -> Option<Queued> {
        let at = self.0.iter().position(|queued| queued.has(id))?;
        self.0.remove(at)
    }

    /// Takes a task out.
    pub(crate) fn remove(&mut self, id: &TaskId) -> Option<Raw<v1::TaskInfo>> {
        let at = self.0.iter().position(|queued| queued.has(id))?;
        let queued = self.0.get_mut(at)?;
        let place = queued.tasks.iter().position(|task| task.task_id.value == id.as_str())?;
        let task = queued.tasks.remove(place);
        if queued.tasks.is_empty() {
            self.0.remove(at);
        }
        Some(task)
    }
}
