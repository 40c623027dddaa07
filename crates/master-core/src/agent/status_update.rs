//! `StatusUpdateMessage`: an agent tells a task's new state.
//!
//! The agent repeats the oldest unacknowledged update of each task, and says the newest state beside it. The first goes
//! on to the scheduler, the second counts for the resources.

use tepui_proto::{internal, v1};
use tepui_types::{AgentId, FrameworkId, TaskId, Uuid};

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
        let Some(agent) = update.slave_id.as_ref().map(AgentId::from) else { return false };
        let Some(host) = self.agents.registered.get(&agent) else { return false };
        let uuid = update.uuid.as_deref().or(update.status.uuid.as_deref()).and_then(Uuid::from_slice);
        let Some(uuid) = uuid else { return false };
        let framework = FrameworkId::from(&update.framework_id);
        let id = TaskId::from(&update.status.task_id);
        let Some(state) = reportable_state(update.status.state) else { return false };
        let latest = update.latest_state.and_then(reportable_state);
        let status = complete(update, &agent, uuid);
        let Some(owner) = self.frameworks.registered.get_mut(&framework) else { return false };
        let connected = owner.is_connected();
        if connected && let Some(task) = owner.tasks.get_mut(&id).filter(|task| task.agent == agent) {
            task.forwarded = Some((state, uuid));
        }
        // Compat: the scheduler gets the update even if the task is unknown here; its acknowledgement ends the repeats.
        owner.forward_status(turn, status.clone(), &host.pid);
        if owner.tasks.get(&id).is_none_or(|task| task.agent != agent) {
            return false;
        }
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
