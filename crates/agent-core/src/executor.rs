//! An executor: a container, the stream it listens on, and its tasks. One file for each call of the executor API.

mod add;
mod call;
mod complete;
mod heartbeat;
mod message;
mod send;
mod shutdown;
mod subscribe;
mod terminated;
mod update;

use std::collections::{BTreeMap, VecDeque};

use tepui_proto::{Raw, v1};
use tepui_types::{ContainerId, ExecutorId, FrameworkId, TaskId};

use crate::change::{ExecutorEntity, ExecutorState};
use crate::input::{StreamId, Termination};

/// Completed tasks to remember of each executor.
pub(crate) const MAX_COMPLETED_TASKS_PER_EXECUTOR: usize = 200;

/// An executor.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) id: ExecutorId,
    pub(crate) framework: FrameworkId,
    pub(crate) info: Raw<v1::ExecutorInfo>,
    pub(crate) container: ContainerId,
    pub(crate) directory: String,
    pub(crate) state: ExecutorState,
    /// Where its events go; none while it is not connected.
    pub(crate) stream: Option<StreamId>,
    /// The process in its container.
    pub(crate) pid: Option<u32>,
    /// Made by us for one command task; masters do not know it.
    pub(crate) is_for_command: bool,
    /// Waiting until it is connected, the oldest first.
    pub(crate) queued: VecDeque<Raw<v1::TaskInfo>>,
    /// Handed over.
    pub(crate) launched: BTreeMap<TaskId, v1::Task>,
    /// Ended, with updates that are not acknowledged.
    pub(crate) terminated: BTreeMap<TaskId, v1::Task>,
    /// Ended and acknowledged, the oldest first.
    pub(crate) completed: VecDeque<v1::Task>,
    /// Whether a task was ever handed over.
    pub(crate) was_sent_a_task: bool,
    /// What its tasks are told when it ends, if we know why it will.
    pub(crate) pending_termination: Option<Termination>,
}

impl Executor {
    /// Tells whether any of its tasks is not completed.
    pub(crate) fn has_incomplete_tasks(&self) -> bool {
        !self.queued.is_empty() || !self.launched.is_empty() || !self.terminated.is_empty()
    }

    /// Takes a task out of the queue.
    pub(crate) fn dequeue(&mut self, id: &TaskId) -> Option<Raw<v1::TaskInfo>> {
        let at = self.queued.iter().position(|task| task.task_id.value == id.as_str())?;
        self.queued.remove(at)
    }

    /// Tells whether a task waits in the queue.
    pub(crate) fn has_queued(&self, id: &TaskId) -> bool {
        self.queued.iter().any(|task| task.task_id.value == id.as_str())
    }

    /// As readers see it.
    pub(crate) fn entity(&self) -> ExecutorEntity {
        ExecutorEntity {
            framework: self.framework.clone(),
            info: self.info.clone(),
            container: self.container.clone(),
            directory: self.directory.clone(),
            is_command_executor: self.is_for_command,
        }
    }
}
