//! The tasks, as far as the master must know them.
//!
//! A task is kept small, because there are hundreds of thousands: what only readers need is in the view.

mod add;
mod forward;
mod remove;
mod status;
mod update;

use tepui_proto::v1::TaskState;
use tepui_types::{AgentId, ExecutorId, Resources, Uuid, is_terminal};

pub(crate) use add::launched;
pub(crate) use status::{Report, StatusDraft};

/// A task that an agent has, or is to get.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) agent: AgentId,
    /// None for a task with a command.
    pub(crate) executor: Option<ExecutorId>,
    /// The newest state that we know of.
    pub(crate) state: TaskState,
    pub(crate) resources: Resources,
    /// The state and uuid of the last update that was passed on to the scheduler.
    pub(crate) forwarded: Option<(TaskState, Uuid)>,
    /// What the last status reported besides the state.
    pub(crate) report: Report,
}

impl Task {
    /// Tells whether it holds its resources.
    pub(crate) fn holds_resources(&self) -> bool {
        holds_resources(self.state)
    }

    /// The state that reconciliation tells.
    pub(crate) fn reconciled_state(&self) -> TaskState {
        self.forwarded.map_or(self.state, |(state, _)| state)
    }
}

/// A state that an agent may report. That a task is unreachable or unknown is the word of masters: an agent that said so
/// and then another state would have resources freed that are in use.
pub(crate) fn reportable_state(state: i32) -> Option<TaskState> {
    let state = TaskState::try_from(state).ok()?;
    (!matches!(state, TaskState::TaskUnreachable | TaskState::TaskUnknown)).then_some(state)
}

/// Tells whether a task in this state holds its resources.
pub(crate) fn holds_resources(state: TaskState) -> bool {
    !is_terminal(state) && state != TaskState::TaskUnreachable
}
