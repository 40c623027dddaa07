//! A task's last update was acknowledged.

use tepui_types::TaskId;

use super::{Executor, MAX_COMPLETED_TASKS_PER_EXECUTOR};
use crate::change::{Change, TaskPlace};
use crate::effect::Effects;

impl Executor {
    /// Moves a terminated task among the completed; says whether it was there.
    pub(crate) fn complete_task(&mut self, id: &TaskId, effects: &mut Effects) -> bool {
        let Some(task) = self.terminated.remove(id) else { return false };
        effects.change(Change::TaskChanged {
            executor: self.id.clone(),
            place: TaskPlace::Completed,
            task: task.clone(),
        });
        self.completed.push_back(*task);
        if self.completed.len() > MAX_COMPLETED_TASKS_PER_EXECUTOR
            && let Some(oldest) = self.completed.pop_front()
        {
            effects.change(Change::TaskForgotten {
                framework: self.framework.clone(),
                executor: self.id.clone(),
                task: TaskId::from(oldest.task_id),
            });
        }
        true
    }

    /// Tells whether a task is among the completed.
    pub(crate) fn has_completed(&self, id: &TaskId) -> bool {
        self.completed.iter().any(|task| task.task_id.value == id.as_str())
    }
}
