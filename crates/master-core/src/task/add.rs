//! Adding a task to its framework and its agent.

use tepui_proto::v1;
use tepui_types::{AgentId, FrameworkId, Resources, TaskId};

use super::{Report, Task, reportable_state};
use crate::agent::Agent;
use crate::change::Change;
use crate::framework::Framework;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Adds a task of a known framework on a known agent, as `entity` shows it.
    ///
    /// The allocator already counts its resources as used.
    pub(crate) fn add_task(
        &mut self,
        framework: &FrameworkId,
        mut task: Task,
        entity: Box<v1::Task>,
        turn: &mut Turn<'_>,
    ) {
        let id = TaskId::from(&entity.task_id);
        let Some(owner) = self.frameworks.registered.get_mut(framework) else { return };
        let Some(host) = self.agents.registered.get_mut(&task.agent) else { return };
        host.tasks.insert((owner.id.clone(), id.clone()));
        connect(owner, host);
        task.resources.share(&owner.usual_resources);
        owner.usual_resources = task.resources.clone();
        let held = if task.holds_resources() { task.resources.clone() } else { Resources::new() };
        let replaced = owner.tasks.insert(id.clone(), task);
        assert!(replaced.is_none(), "a task is validated to be new before it is added");
        let (framework, agent) = (owner.id.clone(), host.id.clone());
        turn.change(Change::TaskAdded { framework, id, agent, task: entity, held });
    }

    /// Remembers that an agent knows of a framework.
    pub(crate) fn connect_framework_and_agent(&mut self, framework: &FrameworkId, agent: &AgentId) {
        if let (Some(known), Some(host)) =
            (self.frameworks.registered.get_mut(framework), self.agents.registered.get_mut(agent))
        {
            connect(known, host);
        }
    }
}

fn connect(framework: &mut Framework, agent: &mut Agent) {
    if !agent.frameworks.contains(&framework.id) {
        agent.frameworks.insert(framework.id.clone());
        framework.agents.insert(agent.id.clone());
    }
}

/// The task as the API shows it when it is launched.
pub(crate) fn launched(info: &v1::TaskInfo, framework: &FrameworkId) -> Box<v1::Task> {
    let user = info
        .executor
        .as_ref()
        .and_then(|executor| executor.command.as_ref())
        .or(info.command.as_ref())
        .and_then(|command| command.user.clone());
    Box::new(v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: framework.to_proto(),
        executor_id: info.executor.as_ref().map(|executor| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: v1::TaskState::TaskStaging as i32,
        resources: info.resources.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.as_deref().cloned(),
        container: info.container.as_deref().cloned(),
        health_check: info.health_check.as_deref().cloned(),
        kill_policy: info.kill_policy,
        user,
        limits: info.limits.clone(),
        ..v1::Task::default()
    })
}

impl Task {
    /// What the master keeps of a task that an agent reports; `None` if its states make no sense.
    pub(crate) fn reported(task: &v1::Task, agent: AgentId, resources: Resources) -> Option<Self> {
        let state = reportable_state(task.state)?;
        let forwarded = match (task.status_update_state, task.status_update_uuid.as_deref()) {
            (Some(state), Some(uuid)) => {
                v1::TaskState::try_from(state).ok().zip(tepui_types::Uuid::from_slice(uuid))
            }
            _ => None,
        };
        Some(Self {
            agent,
            executor: task.executor_id.as_ref().map(tepui_types::ExecutorId::from),
            state,
            resources,
            forwarded,
            report: task.statuses.last().map(Report::of).unwrap_or_default(),
        })
    }
}
