//! `ExitedExecutorMessage`: an executor ended.

use std::time::Duration;

use tepui_proto::internal;
use tepui_types::{AgentId, ExecutorId, FrameworkId};

use crate::master::Master;
use crate::turn::Turn;

/// The status of an executor that an agent did not launch.
const NEVER_RAN: i32 = -1;

impl Master {
    /// Frees the executor's resources and tells its framework. Executors that we do not know are ignored.
    pub(crate) fn exited_executor(&mut self, message: &internal::ExitedExecutorMessage, turn: &mut Turn<'_>) {
        turn.count("master/messages_exited_executor");
        let agent = AgentId::from(&message.slave_id);
        let framework = FrameworkId::from(&message.framework_id);
        let executor = ExecutorId::from(&message.executor_id);
        // It will not be said again, so a report that waits for the registry must not bring the executor back.
        if let Some(pending) = self.pending_reregistration(&agent) {
            pending.report.executors.retain(|it| it.framework != framework || it.id != executor);
        }
        // One that never was goes with tasks that were refused (`update_task`).
        let refuse = (message.status == NEVER_RAN).then_some(Duration::ZERO);
        if !self.release_executor(&agent, &framework, &executor, refuse, turn) {
            return;
        }
        if let Some(framework) = self.frameworks.registered.get(&framework) {
            framework.send_executor_lost(turn, &agent, &executor, message.status);
        }
    }
}
