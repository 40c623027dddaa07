//! Removing a task from its framework and its agent.

use tepui_types::{FrameworkId, TaskId};

use super::Task;
use crate::change::{Change, TaskAfterlife};
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Removes a task, and says where it is remembered.
    pub(crate) fn remove_task(
        &mut self,
        framework: &FrameworkId,
        id: &TaskId,
        to: TaskAfterlife,
        turn: &mut Turn<'_>,
    ) -> Option<Task> {
        let owner = self.frameworks.registered.get_mut(framework)?;
        let task = owner.tasks.remove(id)?;
        if to == TaskAfterlife::Unreachable {
            let limit = self.config.max_unreachable_tasks_per_framework;
            owner.unreachable_tasks.add(id.clone(), &task, limit);
        }
        let freed = task.holds_resources().then(|| task.resources.clone());
        if task.holds_resources() {
            self.allocator.recover(turn.now.time, framework, &task.agent, &task.resources, None);
        }
        if let Some(agent) = self.agents.registered.get_mut(&task.agent) {
            let key = (framework.clone(), id.clone());
            agent.tasks.remove(&key);
            agent.killed.remove(&key);
        }
        turn.change(Change::TaskRemoved { framework: framework.clone(), task: id.clone(), to, freed });
        self.end_drain(&task.agent, turn);
        Some(task)
    }
}
