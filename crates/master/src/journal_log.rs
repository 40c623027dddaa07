//! The log of what happens to the cluster: one line per fact, from the journal.

use tepui_master_core::{Change, Counter};
use tracing::{debug, info};

/// Logs a change.
pub(crate) fn log_change(change: &Change) {
    match change {
        Change::Elected { info, .. } => info!(master_id = info.id, "elected as the leading master"),
        Change::FrameworkAdded(framework) => info!(
            framework_id = framework.info.id.as_ref().map(|id| &*id.value),
            name = framework.info.name,
            recovered = framework.recovered,
            "framework added"
        ),
        Change::FrameworkUpdated(framework) => debug!(
            framework_id = framework.info.id.as_ref().map(|id| &*id.value),
            connected = framework.connected,
            active = framework.active,
            "framework updated"
        ),
        Change::FrameworkCompleted { id, .. } => info!(framework_id = %id, "framework removed"),
        Change::AgentAdded(agent) => info!(
            agent_id = agent.info.id.as_ref().map(|id| &*id.value),
            pid = %agent.pid,
            hostname = agent.info.hostname,
            "agent added"
        ),
        Change::AgentUpdated(agent) => debug!(
            agent_id = agent.info.id.as_ref().map(|id| &*id.value),
            connected = agent.connected,
            active = agent.active,
            "agent updated"
        ),
        Change::AgentRemoved { id, why, .. } => info!(agent_id = %id, ?why, "agent removed"),
        Change::AgentReachable(id) => info!(agent_id = %id, "agent is reachable again"),
        Change::AgentRecovered(info) => {
            info!(agent_id = info.id.as_ref().map(|id| &*id.value), "agent recovered from the registry");
        }
        Change::TaskAdded { task } => debug!(
            framework_id = task.framework_id.value,
            task_id = task.task_id.value,
            agent_id = task.agent_id.value,
            "task added"
        ),
        Change::TaskUpdated { framework, task, state, .. } => {
            debug!(framework_id = %framework, task_id = %task, state = state.as_str_name(), "task updated");
        }
        Change::TaskRemoved { framework, task, to } => {
            debug!(framework_id = %framework, task_id = %task, ?to, "task removed");
        }
        Change::Counted(
            Counter::Named(_)
            | Counter::TaskTerminal(..)
            | Counter::Call(..)
            | Counter::Event(..)
            | Counter::Operation(..)
            | Counter::Offers(..),
        )
        | Change::FrameworkForgotten(_)
        | Change::ExecutorAdded { .. }
        | Change::ExecutorRemoved { .. }
        | Change::OfferAdded(_)
        | Change::OfferRemoved(_) => {}
    }
}
