//! A task as the API shows it.

use tepui_proto::v1;
use tepui_types::FrameworkId;

/// A task as it is shown before its executor has said anything of it.
pub fn staging_task(info: &v1::TaskInfo, framework: &FrameworkId) -> v1::Task {
    new_task(info, v1::TaskState::TaskStaging, framework)
}

/// Makes the shown form of a task that was asked for.
pub(crate) fn new_task(info: &v1::TaskInfo, state: v1::TaskState, framework: &FrameworkId) -> v1::Task {
    let command_user = info.command.as_ref().and_then(|command| command.user.clone());
    let executor_user =
        || info.executor.as_ref().and_then(|executor| executor.command.as_ref()?.user.clone());
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: framework.to_proto(),
        executor_id: info.executor.as_ref().map(|executor| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: state.into(),
        resources: info.resources.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.as_deref().cloned(),
        container: info.container.as_deref().cloned(),
        health_check: info.health_check.as_deref().cloned(),
        kill_policy: info.kill_policy,
        user: command_user.or_else(executor_user),
        limits: info.limits.clone(),
        ..v1::Task::default()
    }
}

/// Records a status: it replaces the last one of the same state, and sets the task's state.
pub(crate) fn add_status(task: &mut v1::Task, status: &v1::TaskStatus) {
    if task.statuses.last().is_some_and(|last| last.state == status.state) {
        task.statuses.pop();
    }
    if task.statuses.len() >= MAX_STATUSES_PER_TASK {
        task.statuses.remove(0);
    }
    task.statuses.push(status.clone());
    task.state = status.state;
}

/// Statuses to remember of a task: an executor that swings between two states must not fill our memory.
const MAX_STATUSES_PER_TASK: usize = 100;
