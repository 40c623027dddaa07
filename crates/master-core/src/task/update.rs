//! Applying a status to a task.

use std::time::Duration;

use tepui_proto::v1;
use tepui_proto::v1::TaskState;
use tepui_types::{FrameworkId, TaskId, is_terminal};

use super::{Report, holds_resources};
use crate::change::{Change, Counter};
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Applies a status. `latest` is the newest state that the agent knows, which may be ahead of the status.
    ///
    /// The first terminal state frees the resources, long before the scheduler acknowledges it.
    pub(crate) fn update_task(
        &mut self,
        framework: &FrameworkId,
        id: &TaskId,
        status: v1::TaskStatus,
        latest: Option<TaskState>,
        turn: &mut Turn<'_>,
    ) {
        let Some(owner) = self.frameworks.registered.get_mut(framework) else { return };
        let Some(task) = owner.tasks.get_mut(id) else { return };
        let state = latest.unwrap_or(status.state());
        let freed = task.holds_resources() && !holds_resources(state);
        // What its framework could not use there is not offered to it again at once: it would launch the next task at wire
        // speed, for as long as the agent refuses them.
        let did_not_run = matches!(
            state,
            TaskState::TaskDropped | TaskState::TaskLost | TaskState::TaskError | TaskState::TaskFailed
        );
        let refuse = (task.state == TaskState::TaskStaging && did_not_run).then_some(Duration::ZERO);
        // A terminal state is final, whatever comes after it.
        if !is_terminal(task.state) {
            task.state = state;
        }
        task.report = Report::of(&status);
        let (told, source, reason) = (status.state(), status.source, status.reason);
        let change = Change::TaskUpdated {
            framework: framework.clone(),
            task: id.clone(),
            state: task.state,
            update: task.forwarded,
            status: Some(Box::new(status)),
            freed: freed.then(|| task.resources.clone()),
        };
        turn.change(change);
        if freed {
            self.allocator.recover(turn.now.time, framework, &task.agent, &task.resources, refuse);
            count_terminal(state, told == state, source, reason, turn);
        }
    }
}

/// Counts the end of a task. If its agent knows the end before it tells it (the scheduler has older statuses to acknowledge
/// first), who ended it and why are not known yet. Mesos does not count such a task at all.
fn count_terminal(
    state: TaskState,
    is_told: bool,
    source: Option<i32>,
    reason: Option<i32>,
    turn: &mut Turn<'_>,
) {
    let source = source.filter(|_| is_told).and_then(|source| source.try_into().ok());
    let reason = reason.filter(|_| is_told).and_then(|reason| reason.try_into().ok());
    turn.change(Change::Counted(Counter::TaskTerminal(state, source, reason)));
}
