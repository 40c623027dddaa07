//! Starts the executor of an earlier process of ours once more, if its container came to nothing.
//!
//! Compat: Mesos gives the tasks of such an executor up. A task that only waits for its executor was handed to nobody, so it
//! runs once, whatever became of the executor. The executor itself must not run twice either: one of our own does nothing
//! before it is handed a task, and of another the containerizer must be certain that its program was never started.

use tepui_proto::{Raw, v1};
use tepui_types::ContainerId;

use super::Executor;
use crate::agent::Agent;
use crate::change::ExecutorState;
use crate::config::Recover;
use crate::effect::Effects;

impl Agent {
    /// Launches the executor of a container that was never started; says whether it did.
    pub(crate) fn relaunch(&mut self, container: &ContainerId, effects: &mut Effects) -> bool {
        if self.config.recover != Recover::Reconnect {
            return false;
        }
        let Some(executor) = self.executor_in(container).filter(|executor| executor.has_done_nothing())
        else {
            return false;
        };
        let framework = executor.framework.clone();
        let Some(first) = executor.queued.lots().next() else { return false };
        let tasks: Vec<Raw<v1::TaskInfo>> = first.tasks.clone();
        tracing::debug!(executor = %executor.id, "launching an executor that an earlier process was about to launch");
        self.launch_executor(&framework, container, &tasks, effects);
        true
    }
}

impl Executor {
    /// Tells whether no process of it is known, and tasks wait that it was not handed.
    fn has_done_nothing(&self) -> bool {
        self.state == ExecutorState::Registering
            && self.pid.is_none()
            && self.speaks.is_none()
            && self.launched.is_empty()
            && self.terminated.is_empty()
            && !self.queued.is_empty()
    }
}
