//! A terminal task stays terminal: in the master's books while it is there, and for a scheduler once the agent has said
//! so. (What the master says of a task that it lost sight of is taken back when the agent returns.)

use std::collections::BTreeMap;

use tepui_master_core::Change;
use tepui_proto::v1::{TaskState, TaskStatus};
use tepui_types::{FrameworkId, TaskId, is_terminal};

type Key = (FrameworkId, TaskId);

/// The terminal states that were seen.
#[derive(Debug, Default)]
pub(crate) struct TerminalIsFinal {
    /// In the books of the master that leads.
    books: BTreeMap<Key, TaskState>,
    /// Of agents, at schedulers.
    heard: BTreeMap<Key, TaskState>,
}

impl TerminalIsFinal {
    pub(crate) fn changed(&mut self, change: &Change) {
        match change {
            Change::TaskUpdated { framework, task, state, .. } => {
                let key = (framework.clone(), task.clone());
                let before = self.books.insert(key, *state);
                if let Some(before) = before.filter(|before| is_terminal(*before)) {
                    assert!(is_terminal(*state), "{task} was {before:?} and became {state:?}");
                }
            }
            Change::TaskRemoved { framework, task, .. } => {
                self.books.remove(&(framework.clone(), task.clone()));
            }
            Change::Elected { .. }
            | Change::FrameworkAdded(_)
            | Change::FrameworkUpdated(_)
            | Change::FrameworkCompleted { .. }
            | Change::FrameworkForgotten(_)
            | Change::FrameworkAnnounced { .. }
            | Change::AgentAnnounced { .. }
            | Change::AgentAdded(_)
            | Change::AgentUpdated(_)
            | Change::AgentRemoved { .. }
            | Change::AgentReachable(_)
            | Change::AgentForgotten(_)
            | Change::AgentUnreachable(..)
            | Change::AgentRecovered(_)
            | Change::TaskAdded { .. }
            | Change::ExecutorAdded { .. }
            | Change::ExecutorRemoved { .. }
            | Change::OfferAdded(_)
            | Change::OfferRemoved(_)
            | Change::InverseOfferAdded(_)
            | Change::InverseOfferRemoved(_)
            | Change::InverseOfferAnswered { .. }
            | Change::InverseOfferAnswersForgotten(_)
            | Change::MaintenanceChanged { .. }
            | Change::Counted(_) => {}
        }
    }

    pub(crate) fn received(&mut self, framework: &FrameworkId, status: &TaskStatus) {
        let key = (framework.clone(), TaskId::from(&status.task_id));
        let state = status.state();
        // Compat: until the last update is acknowledged, a master that loses the agent says that the task is unreachable,
        // as Mesos does. Only what agents say, which has an id, is held against what they said before.
        if status.uuid.is_none() {
            return;
        }
        if let Some(before) = self.heard.get(&key) {
            assert!(is_terminal(state), "{} was {before:?} and is {state:?}", key.1);
        }
        if is_terminal(state) {
            self.heard.insert(key, state);
        }
    }
}
