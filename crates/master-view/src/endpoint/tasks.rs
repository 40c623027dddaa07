//! `/tasks`.

use crate::framework::Framework;
use crate::task::Task;
use crate::view::View;
use tepui_model::encoded_task::TaskWriter;
use tepui_model::json::{Parts, document};

/// Which tasks `/tasks` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TasksQuery {
    /// At most this many.
    pub limit: usize,
    /// Without the first ones.
    pub offset: usize,
    /// Oldest first, else newest first.
    pub ascending: bool,
    /// Of this framework only.
    pub framework_id: Option<String>,
    /// Of this id only.
    pub task_id: Option<String>,
}

impl Default for TasksQuery {
    fn default() -> Self {
        Self { limit: 100, offset: 0, ascending: false, framework_id: None, task_id: None }
    }
}

impl View {
    /// Renders `/tasks`; gives what `parts` did not take.
    pub fn tasks(&self, query: &TasksQuery, parts: &mut Parts<'_>) -> Vec<u8> {
        let wanted = |only: &Option<String>, id: &str| only.as_ref().is_none_or(|only| only == id);
        let mut tasks: Vec<(f64, &Framework, &Task)> = self
            .frameworks
            .values()
            .chain(&self.completed_frameworks)
            .filter(|framework| wanted(&query.framework_id, framework.id().as_str()))
            .flat_map(|framework| framework.all_tasks().map(move |task| (framework, task)))
            .filter(|(_, task)| wanted(&query.task_id, task.id().as_str()))
            .map(|(framework, task)| (task.first_time().unwrap_or(f64::NEG_INFINITY), framework, task))
            .collect();
        // By the time of the first status; what has none is older than all.
        tasks.sort_by(|left, right| {
            let (left, right) = if query.ascending { (left, right) } else { (right, left) };
            left.0.total_cmp(&right.0)
        });
        let mut writer = TaskWriter::default();
        document(|object| {
            object.array("tasks", |array| {
                for (_, framework, task) in tasks.into_iter().skip(query.offset).take(query.limit) {
                    array.object(|object| writer.write(object, &task.encoded(&framework.id())));
                    array.pass_on(parts);
                }
            });
        })
    }
}
