//! What the executor knows of a task.

use std::time::Duration;

use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};
use tepui_types::duration_from_proto;

use crate::checks::empty_status;
use crate::escalation::Escalation;

/// A task and its container.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) task: v1::TaskInfo,
    /// Which group it belongs to.
    pub(super) group: u64,
    pub(super) container_id: v1::ContainerId,
    pub(super) launch: Launch,
    /// The agent is being asked for the container's end.
    pub(super) is_waited_for: bool,
    pub(super) kill: Option<Kill>,
    pub(super) max_completion: MaxCompletion,
    /// The last update, whose contents later ones keep.
    pub(super) last: v1::TaskStatus,
}

/// How far the launch of the container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Launch {
    /// The agent was asked.
    Asked,
    /// The agent went away before it answered; it will be asked again.
    Unknown,
    /// It runs, or did.
    Launched,
    /// The agent refused, in these words.
    Failed(String),
}

/// A kill that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    pub(super) escalation: Escalation,
    /// SIGKILL was sent.
    pub(super) is_escalated: bool,
}

/// How long the task may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaxCompletion {
    Unlimited,
    Until(Duration),
    Reached,
}

impl Child {
    pub(super) fn new(task: v1::TaskInfo, group: u64, container_id: v1::ContainerId) -> Self {
        let last = v1::TaskStatus { task_id: task.task_id.clone(), ..v1::TaskStatus::default() };
        Self {
            task,
            group,
            container_id,
            launch: Launch::Asked,
            is_waited_for: false,
            kill: None,
            max_completion: MaxCompletion::Unlimited,
            last,
        }
    }

    pub(super) fn task_id(&self) -> &v1::TaskId {
        &self.task.task_id
    }

    /// A fresh update; nothing of earlier ones is in it.
    pub(super) fn status(
        &self,
        state: TaskState,
        reason: Option<Reason>,
        message: Option<String>,
    ) -> v1::TaskStatus {
        let container = v1::ContainerStatus {
            container_id: Some(self.container_id.clone()),
            ..v1::ContainerStatus::default()
        };
        v1::TaskStatus {
            task_id: self.task_id().clone(),
            state: state.into(),
            reason: reason.map(i32::from),
            message,
            check_status: self.task.check.as_ref().map(|check| empty_status(check.r#type())),
            container_status: Some(Box::new(container)),
            ..v1::TaskStatus::default()
        }
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let kill = self.kill.filter(|kill| !kill.is_escalated).map(|kill| kill.escalation.deadline());
        let completion = match self.max_completion {
            MaxCompletion::Until(deadline) => Some(deadline),
            MaxCompletion::Unlimited | MaxCompletion::Reached => None,
        };
        [kill, completion].into_iter().flatten().min()
    }

    /// The grace period of the task itself.
    pub(super) fn grace_period(&self) -> Option<Duration> {
        grace_period(self.task.kill_policy.as_ref())
    }
}

/// The grace period of a policy, if it has one.
pub(super) fn grace_period(policy: Option<&v1::KillPolicy>) -> Option<Duration> {
    policy?.grace_period.as_ref().map(duration_from_proto)
}
