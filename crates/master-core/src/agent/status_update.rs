//! `StatusUpdateMessage`: an agent tells a task's new state.
//!
//! The agent repeats the oldest unacknowledged update of each task, and says the newest state beside it. The first goes
//! on to the scheduler, the second counts for the resources.

use tepui_proto::{internal, v1};
use tepui_types::{AgentId, Uuid};

use crate::master::Master;
use crate::task::reportable_state;
use crate::turn::Turn;

impl Master {
    /// Passes a status on and applies it.
    pub(crate) fn status_update(&mut self, message: internal::StatusUpdateMessage, turn: &mut Turn<'_>) {
        turn.count("master/messages_status_update");
        let valid = self.apply_status_update(message.update, turn);
        turn.count(if valid { "master/valid_status_updates" } else { "master/invalid_status_updates" });
    }

    fn apply_status_update(&mut self, update: internal::StatusUpdate, turn: &mut Turn<'_>) -> bool {
        let host = update.slave_id.as_ref().and_then(|id| self.agents.registered.get(id.value.as_str()));
        let Some(host) = host else { return false };
        let uuid = update.uuid.as_deref().or(update.status.uuid.as_deref()).and_then(Uuid::from_slice);
        let Some(uuid) = uuid else { return false };
        let Some(state) = reportable_state(update.status.state) else { return false };
        let latest = update.latest_state.and_then(reportable_state);
        let owner = self.frameworks.registered.get_mut(update.framework_id.value.as_str());
        let Some(owner) = owner else { return false };
        let status = complete(update, &host.id, uuid);
        let connected = owner.is_connected();
        let id = owner.tasks.get_key_value(status.task_id.value.as_str());
        let id = id.filter(|(_, task)| task.agent == host.id).map(|(id, _)| id.clone());
        if connected && let Some(task) = id.as_ref().and_then(|id| owner.tasks.get_mut(id)) {
            task.forwarded = Some((state, uuid));
        }
        // Compat: the scheduler gets the update even if the task is unknown here; its acknowledgement ends the repeats.
        owner.forward_status(turn, status.clone(), &host.pid);
        let Some(id) = id else { return false };
        let framework = owner.id.clone();
        self.update_task(&framework, &id, status, latest, turn);
        connected
    }
}

/// The status as schedulers get it: agents of old versions leave parts of it to the update around it.
fn complete(update: internal::StatusUpdate, agent: &AgentId, uuid: Uuid) -> v1::TaskStatus {
    let mut status = update.status;
    status.agent_id.get_or_insert_with(|| agent.to_proto());
    if status.executor_id.is_none() {
        status.executor_id = update.executor_id;
    }
    status.timestamp = Some(update.timestamp);
    status.uuid = Some(uuid.as_bytes().to_vec());
    status
}
