//! UPDATE: an executor says how a task is doing.

use tepui_proto::v1;
use tepui_types::{ExecutorId, FrameworkId};

use crate::agent::Agent;
use crate::effect::Effects;
use crate::status_update::UpdateSource;

impl Agent {
    /// Takes the status of an UPDATE that passed the checks.
    pub(crate) fn executor_update(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        status: v1::TaskStatus,
        effects: &mut Effects,
    ) {
        let source = UpdateSource::Executor(framework.clone(), executor.clone());
        self.receive_status(framework, status, &source, effects);
    }
}
