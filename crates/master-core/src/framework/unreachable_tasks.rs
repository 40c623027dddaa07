//! The tasks of a framework whose agents are unreachable.

use std::collections::BTreeMap;

use tepui_types::{AgentId, ExecutorId, TaskId, is_terminal};

use crate::task::Task;

/// What must be known of a task whose agent is unreachable.
#[derive(Clone, Debug)]
pub(crate) struct UnreachableTask {
    pub(crate) agent: AgentId,
    pub(crate) executor: Option<ExecutorId>,
    /// Its framework was told that it is lost, because it does not know of partitions.
    pub(crate) lost: bool,
    number: u64,
}

/// A bounded set of such tasks: the oldest are forgotten first.
#[derive(Debug, Default)]
pub(crate) struct UnreachableTasks {
    tasks: BTreeMap<TaskId, UnreachableTask>,
    order: BTreeMap<u64, TaskId>,
    added: u64,
}

impl UnreachableTasks {
    /// Adds a task, and forgets the oldest beyond `limit`.
    pub(crate) fn add(&mut self, id: TaskId, task: &Task, limit: usize) {
        self.remove(&id);
        self.added += 1;
        self.order.insert(self.added, id.clone());
        let unreachable = UnreachableTask {
            agent: task.agent.clone(),
            executor: task.executor.clone(),
            lost: is_terminal(task.state),
            number: self.added,
        };
        self.tasks.insert(id, unreachable);
        while self.tasks.len() > limit {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.tasks.remove(&oldest);
        }
    }

    /// Removes a task.
    pub(crate) fn remove(&mut self, id: &TaskId) -> Option<UnreachableTask> {
        let task = self.tasks.remove(id)?;
        self.order.remove(&task.number);
        Some(task)
    }

    /// Tells whether a task is here.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.tasks.contains_key(id)
    }

    /// Takes the tasks of an agent that came back, or never will.
    pub(crate) fn take_all_of(&mut self, agent: &AgentId) -> Vec<(TaskId, UnreachableTask)> {
        let ids: Vec<TaskId> =
            self.tasks.iter().filter(|(_, task)| task.agent == *agent).map(|(id, _)| id.clone()).collect();
        ids.into_iter().filter_map(|id| self.remove(&id).map(|task| (id, task))).collect()
    }

    /// Takes all tasks, the oldest first.
    pub(crate) fn drain(&mut self) -> Vec<(TaskId, UnreachableTask)> {
        let mut tasks = std::mem::take(&mut self.tasks);
        let order = std::mem::take(&mut self.order);
        order.into_values().filter_map(|id| tasks.remove(&id).map(|task| (id, task))).collect()
    }
}
