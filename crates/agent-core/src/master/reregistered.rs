//! `SlaveReregisteredMessage`: the master knows us again, and asks for tasks that we did not bring.

use tepui_proto::{internal, v1};
use tepui_types::{AgentId, FrameworkId, TaskId, Uuid};

use crate::agent::{Agent, State};
use crate::effect::Effects;
use crate::framework::dropped_state;
use crate::status_update::{AgentStatus, Keeping, UpdateSource};

impl Agent {
    /// Goes on with the master.
    pub(crate) fn reregistered(
        &mut self,
        message: internal::SlaveReregisteredMessage,
        effects: &mut Effects,
    ) {
        let given = AgentId::from(&message.slave_id);
        if matches!(self.state, State::Terminating | State::Stopped) || self.id.is_none() {
            return;
        }
        if self.id.as_ref() != Some(&given) {
            self.refuse_id("re-registered", &given, effects);
            return;
        }
        self.set_ping_timeout(message.connection.as_ref());
        if self.state == State::Disconnected {
            self.enter_running(effects);
        } else {
            self.send_update_slave(effects);
        }
        for reconcile in message.reconciliations {
            self.reconcile(&reconcile, effects);
        }
    }

    /// Ends the tasks that the master has and we do not, so that it can let go of them.
    fn reconcile(&mut self, reconcile: &internal::ReconcileTasksMessage, effects: &mut Effects) {
        let framework = FrameworkId::from(&reconcile.framework_id);
        let state = reconcile.framework.as_ref().map_or(v1::TaskState::TaskLost, dropped_state);
        for status in &reconcile.statuses {
            let task = TaskId::from(&status.task_id);
            let known = self.frameworks.get(&framework).is_some_and(|known| known.tasks.contains_key(&task));
            if !known {
                self.reconcile_unknown(&framework, &task, state, effects);
            }
        }
    }

    /// Says that a task is not here. Its framework need not be known.
    fn reconcile_unknown(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        state: v1::TaskState,
        effects: &mut Effects,
    ) {
        // A stream that is open will say how the task ended.
        let Some(agent) = self.id.clone().filter(|_| self.updates.get(framework, task).is_none()) else {
            return;
        };
        let status = AgentStatus {
            task: task.clone(),
            executor: None,
            state,
            reason: v1::task_status::Reason::Reconciliation,
            message: "Reconciliation: task unknown to the agent".to_owned(),
            limited_resources: Vec::new(),
        };
        let uuid = Uuid::random(&mut self.rng);
        let update = status.into_update(framework, &agent, uuid, self.now.wall);
        self.keep_update(framework, task, update, &UpdateSource::Agent, Keeping::Stray, effects);
    }
}
