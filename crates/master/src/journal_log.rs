//! The log of what happens to the cluster: one line per fact, from the journal.

use std::collections::BTreeMap;

use tepui_master_core::{AgentEntity, Change, FrameworkEntity};
use tepui_types::{AgentId, FrameworkId};
use tracing::{debug, info};

/// Logs changes. It remembers who is connected, because only a change of that is worth a line.
#[derive(Debug, Default)]
pub(crate) struct JournalLog {
    frameworks: BTreeMap<FrameworkId, bool>,
    agents: BTreeMap<AgentId, bool>,
}

impl JournalLog {
    /// Logs a change.
    pub(crate) fn log(&mut self, change: &Change) {
        match change {
            Change::Elected { info, .. } => info!(master_id = info.id, "elected as the leading master"),
            Change::FrameworkAdded(framework) | Change::FrameworkUpdated(framework) => {
                self.log_framework(framework);
            }
            Change::FrameworkCompleted { id, .. } => {
                self.frameworks.remove(id);
                info!(framework_id = %id, "framework removed");
            }
            Change::AgentAdded(agent) | Change::AgentUpdated(agent) => self.log_agent(agent),
            Change::AgentRemoved { id, why, .. } => {
                self.agents.remove(id);
                info!(agent_id = %id, ?why, "agent removed");
            }
            Change::AgentForgotten(id) => info!(agent_id = %id, "unreachable agent forgotten"),
            Change::AgentReachable(id) => info!(agent_id = %id, "agent is reachable again"),
            Change::AgentRecovered(info) => {
                info!(agent_id = info.id.as_ref().map(|id| &*id.value), "agent recovered from the registry");
            }
            Change::TaskAdded { framework, id, agent, .. } => {
                debug!(framework_id = %framework, task_id = %id, agent_id = %agent, "task added");
            }
            Change::TaskUpdated { framework, task, state, .. } => {
                debug!(framework_id = %framework, task_id = %task, state = state.as_str_name(), "task updated");
            }
            Change::TaskRemoved { framework, task, to, .. } => {
                debug!(framework_id = %framework, task_id = %task, ?to, "task removed");
            }
            Change::InverseOfferAnswered { agent, status } => {
                let framework_id = &status.framework_id.value;
                info!(agent_id = %agent, framework_id, status = ?status.status(), "inverse offer answered");
            }
            Change::MaintenanceChanged { machines, .. } => {
                info!(machines = machines.len(), "maintenance schedule changed");
            }
            Change::Counted(_)
            | Change::AgentUnreachable(..)
            | Change::FrameworkAnnounced { .. }
            | Change::AgentAnnounced { .. }
            | Change::FrameworkForgotten(_)
            | Change::ExecutorAdded { .. }
            | Change::ExecutorRemoved { .. }
            | Change::OfferAdded(_)
            | Change::OfferRemoved(_)
            | Change::InverseOfferAdded(_)
            | Change::InverseOfferRemoved(_)
            | Change::InverseOfferAnswersForgotten(_) => {}
        }
    }

    fn log_framework(&mut self, framework: &FrameworkEntity) {
        let Some(id) = framework.info.id.as_ref().map(FrameworkId::from) else { return };
        let before = self.frameworks.insert(id.clone(), framework.connected).unwrap_or_default();
        match (before, framework.connected) {
            (false, true) => info!(framework_id = %id, name = framework.info.name, "framework subscribed"),
            (true, false) => info!(framework_id = %id, name = framework.info.name, "framework disconnected"),
            (true, true) | (false, false) => {
                debug!(framework_id = %id, active = framework.active, "framework updated");
            }
        }
    }

    fn log_agent(&mut self, agent: &AgentEntity) {
        let id = &agent.id;
        let before = self.agents.insert(id.clone(), agent.connected);
        let (pid, hostname) = (&agent.pid, &agent.info.hostname);
        match (before, agent.connected) {
            (None, _) => info!(agent_id = %id, %pid, hostname, "agent registered"),
            (Some(false), true) => info!(agent_id = %id, %pid, hostname, "agent reconnected"),
            (Some(true), false) => info!(agent_id = %id, %pid, hostname, "agent disconnected"),
            (Some(true), true) | (Some(false), false) => {
                debug!(agent_id = %id, active = agent.active, "agent updated");
            }
        }
    }
}
