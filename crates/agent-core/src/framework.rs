//! A framework that has executors here, or updates that it has not acknowledged.

use std::collections::{BTreeMap, VecDeque};

use tepui_proto::v1;
use tepui_types::{ExecutorId, FrameworkId, TaskId, Upid};

use crate::agent::{Agent, State};
use crate::change::{Change, FrameworkEntity};
use crate::effect::Effects;
use crate::executor::Executor;
use crate::record::Record;

/// Completed frameworks to remember.
pub(crate) const MAX_COMPLETED_FRAMEWORKS: usize = 50;

/// A framework.
#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) id: FrameworkId,
    pub(crate) info: v1::FrameworkInfo,
    /// The driver's address; none for an HTTP scheduler.
    pub(crate) pid: Option<Upid>,
    /// It was shut down: its executors end, and its updates go nowhere.
    pub(crate) terminating: bool,
    pub(crate) executors: BTreeMap<ExecutorId, Executor>,
    /// The executors that remember queued, launched and terminated tasks.
    pub(crate) tasks: BTreeMap<TaskId, ExecutorId>,
    pub(crate) completed_executors: VecDeque<Executor>,
}

impl Framework {
    /// A framework without executors.
    pub(crate) fn new(id: FrameworkId, info: v1::FrameworkInfo, pid: Option<Upid>) -> Self {
        Self {
            id,
            info,
            pid,
            terminating: false,
            executors: BTreeMap::new(),
            tasks: BTreeMap::new(),
            completed_executors: VecDeque::new(),
        }
    }

    /// Tells whether it knows the states that replaced `TASK_LOST`.
    pub(crate) fn is_partition_aware(&self) -> bool {
        is_partition_aware(&self.info)
    }

    /// Tells whether its executors may outlive the agent.
    pub(crate) fn checkpoint(&self) -> bool {
        self.info.checkpoint.unwrap_or(false)
    }

    /// The executor that remembers a task.
    pub(crate) fn executor_of(&mut self, task: &TaskId) -> Option<&mut Executor> {
        self.executors.get_mut(self.tasks.get(task)?)
    }

    /// Shows it, and remembers it if it asked for that.
    pub(crate) fn keep(&self, effects: &mut Effects) {
        effects.change(Change::FrameworkUpdated(Box::new(self.entity())));
        if self.checkpoint() {
            let (info, pid) = (Box::new(self.info.clone()), self.pid.clone());
            effects.record(Record::Framework { info, pid });
        }
    }

    /// As readers see it.
    pub(crate) fn entity(&self) -> FrameworkEntity {
        FrameworkEntity { info: self.info.clone(), pid: self.pid.clone() }
    }
}

/// Tells whether a framework knows the states that replaced `TASK_LOST`.
pub(crate) fn is_partition_aware(info: &v1::FrameworkInfo) -> bool {
    info.capabilities
        .iter()
        .any(|capability| capability.r#type() == v1::framework_info::capability::Type::PartitionAware)
}

/// The state of a task that ran and was ended with its executor.
pub(crate) fn gone_state(info: &v1::FrameworkInfo) -> v1::TaskState {
    if is_partition_aware(info) { v1::TaskState::TaskGone } else { v1::TaskState::TaskLost }
}

/// The state of a task that was never launched.
pub(crate) fn dropped_state(info: &v1::FrameworkInfo) -> v1::TaskState {
    if is_partition_aware(info) { v1::TaskState::TaskDropped } else { v1::TaskState::TaskLost }
}

impl Agent {
    /// Makes a framework known, with the completed executors that it had when it was here before.
    pub(crate) fn ensure_framework(
        &mut self,
        id: &FrameworkId,
        info: &v1::FrameworkInfo,
        pid: Option<Upid>,
        effects: &mut Effects,
    ) {
        if self.frameworks.contains_key(id) {
            return;
        }
        let mut framework = Framework::new(id.clone(), info.clone(), pid);
        if let Some(at) = self.completed_frameworks.iter().position(|completed| completed.id == *id)
            && let Some(completed) = self.completed_frameworks.remove(at)
        {
            framework.completed_executors = completed.completed_executors;
            effects.change(Change::FrameworkRevived(id.clone()));
        }
        framework.keep(effects);
        self.frameworks.insert(id.clone(), framework);
    }

    /// Moves a framework among the completed once it has no executors and all its updates were acknowledged.
    ///
    /// Compat: Mesos forgets a framework's unacknowledged updates with its last executor; we keep resending them.
    pub(crate) fn remove_framework_if_idle(&mut self, id: &FrameworkId, effects: &mut Effects) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let forgets = framework.terminating || self.state == State::Terminating;
        if !framework.executors.is_empty() || !forgets && self.updates.has_framework(id) {
            return;
        }
        self.forget_updates_of(id, effects);
        self.complete_framework(id, effects);
        self.drained_if_done(effects);
        self.stop_if_done(effects);
    }

    /// Moves a framework without executors among the completed.
    pub(crate) fn complete_framework(&mut self, id: &FrameworkId, effects: &mut Effects) {
        let Some(framework) = self.frameworks.remove(id) else { return };
        if framework.checkpoint() {
            effects.record(Record::FrameworkRemoved(id.clone()));
        }
        effects.change(Change::FrameworkCompleted(id.clone()));
        self.completed_frameworks.push_back(framework);
        if self.completed_frameworks.len() > MAX_COMPLETED_FRAMEWORKS
            && let Some(oldest) = self.completed_frameworks.pop_front()
        {
            effects.change(Change::FrameworkForgotten(oldest.id));
        }
    }
}
