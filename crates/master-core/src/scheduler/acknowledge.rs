//! ACKNOWLEDGE: a status reached the scheduler.

use tepui_proto::internal;
use tepui_proto::v1::scheduler::call;
use tepui_types::{FrameworkId, TaskId, Uuid, is_terminal};

use crate::change::TaskAfterlife;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Passes the acknowledgement to the agent. With that of its last status a task is completed.
    pub(crate) fn acknowledge(
        &mut self,
        framework: &FrameworkId,
        acknowledge: call::Acknowledge,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_status_update_acknowledgement");
        let valid = self.pass_acknowledgement(framework, acknowledge, turn);
        turn.count(if valid {
            "master/valid_status_update_acknowledgements"
        } else {
            "master/invalid_status_update_acknowledgements"
        });
    }

    fn pass_acknowledgement(
        &mut self,
        framework: &FrameworkId,
        acknowledge: call::Acknowledge,
        turn: &mut Turn<'_>,
    ) -> bool {
        let id = acknowledge.task_id.value.as_str();
        let host = self.agents.registered.get(acknowledge.agent_id.value.as_str());
        let host = host.filter(|agent| agent.connected);
        let (Some(host), Some(uuid)) = (host, Uuid::from_slice(&acknowledge.uuid)) else { return false };
        let pid = host.pid.clone();
        if let Some(task) = self.task(framework, id).filter(|task| task.agent == host.id) {
            match task.forwarded {
                // This master never sent it, so the scheduler cannot have it.
                None => return false,
                Some((state, last)) if is_terminal(state) && last == uuid => {
                    self.remove_task(framework, &TaskId::new(id), TaskAfterlife::Completed, turn);
                }
                Some(_) => {}
            }
        }
        let message = internal::StatusUpdateAcknowledgementMessage {
            slave_id: acknowledge.agent_id,
            framework_id: framework.to_proto(),
            task_id: acknowledge.task_id,
            uuid: acknowledge.uuid,
        };
        turn.send(&pid, message);
        true
    }
}
