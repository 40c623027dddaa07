//! `LAUNCH_GROUP`: tasks that run together under one executor, all or none.

use std::sync::Arc;

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::operation::{LaunchGroup, Type};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{TaskGroupInfo, TaskState};
use tepui_proto::{Raw, internal, v1};
use tepui_types::{ExecutorId, Resources};

use super::launch::{
    Candidate, complete_executor_resources, complete_task_resources, downgrade, edit_executor_resources,
    read_resources, replace, tag, to_pre_refinement,
};
use crate::change::{Change, Counter};
use crate::master::Master;
use crate::scheduler::Accepted;
use crate::task::{Report, Task, launched};
use crate::turn::Turn;
use crate::validation;

/// A task group on its way, with its resources read.
#[derive(Debug)]
pub(crate) struct Group {
    /// With post-refinement resources that are allocated to a role.
    pub(crate) executor: Raw<v1::ExecutorInfo>,
    pub(crate) executor_resources: Resources,
    /// Each with its executor; the executor's resources are counted with none of them.
    pub(crate) tasks: Vec<Candidate>,
}

impl Group {
    /// Reads the group's resources, and gives each task the executor that it runs under.
    pub(super) fn read(launch: LaunchGroup, role: &Arc<str>) -> Result<Self, String> {
        let (executor, executor_resources) = read_executor(&launch.executor, role)?;
        let read = |mut info: Raw<v1::TaskInfo>| {
            let resources = read_resources(&info.resources, role)?;
            let own = match &info.executor {
                Some(own) => read_executor(own, role)?.0,
                None => executor.clone(),
            };
            if info.executor.as_ref() != Some(&own) {
                replace(&mut info, tag::TASK_EXECUTOR, &[own]);
            }
            complete_task_resources(&mut info, role);
            Ok(Candidate { info, resources, executor_resources: Resources::new() })
        };
        let tasks = launch.task_group.tasks.into_iter().map(read).collect::<Result<_, String>>()?;
        Ok(Self { executor, executor_resources, tasks })
    }

    /// All that the group holds.
    pub(crate) fn total(&self, with_executor: bool) -> Resources {
        let mut total: Resources = self.tasks.iter().map(|task| &task.resources).sum();
        if with_executor {
            total += &self.executor_resources;
        }
        total
    }
}

fn read_executor(
    executor: &Raw<v1::ExecutorInfo>,
    role: &Arc<str>,
) -> Result<(Raw<v1::ExecutorInfo>, Resources), String> {
    let resources = read_resources(&executor.resources, role)?;
    let mut read = executor.clone();
    complete_executor_resources(&mut read, role);
    Ok((read, resources))
}

impl Master {
    /// Launches the whole group, or refuses each of its tasks with the same message.
    pub(super) fn launch_group(&mut self, accepted: &mut Accepted, group: Group, turn: &mut Turn<'_>) {
        let Ok((framework, agent)) = self.parties(accepted) else { return };
        if let Err(error) = validation::task_group::validate(&group, framework, agent, &accepted.remaining) {
            let tasks: Vec<_> = group.tasks.into_iter().map(|task| task.info).collect();
            self.refuse_tasks(&accepted.framework, &tasks, Reason::TaskGroupInvalid, &error, turn);
            return;
        }
        let executor = ExecutorId::from(&group.executor.executor_id);
        let is_new = !agent.executors.contains_key(&(framework.id.clone(), executor.clone()));
        let refined = agent.capabilities.has(AgentCapability::ReservationRefinement);
        let message = internal::RunTaskGroupMessage {
            framework: framework.info.clone(),
            executor: executor_for_agent(&group, refined),
            task_group: TaskGroupInfo { tasks: tasks_for_agent(&group, refined) },
            resource_version_uuids: agent.resource_versions(),
            launch_executor: Some(is_new),
        };
        turn.send(&agent.pid, message);
        turn.change(Change::Counted(Counter::Operation(framework.id.clone(), Type::LaunchGroup)));
        accepted.remaining -= &group.total(is_new);
        if is_new {
            let resources = group.executor_resources;
            self.add_executor(&accepted.agent, &accepted.framework, group.executor, resources, turn);
        }
        for Candidate { info, resources, .. } in group.tasks {
            let entity = launched(&info, &accepted.framework);
            let task = Task {
                agent: accepted.agent.clone(),
                executor: Some(executor.clone()),
                state: TaskState::TaskStaging,
                resources,
                forwarded: None,
                report: Report::default(),
            };
            self.add_task(&accepted.framework, task, entity, turn);
        }
    }
}

/// The executor as the agent understands it.
fn executor_for_agent(group: &Group, refined: bool) -> Raw<v1::ExecutorInfo> {
    let mut executor = group.executor.clone();
    if !refined {
        edit_executor_resources(&mut executor, to_pre_refinement);
    }
    executor
}

/// The tasks as the agent understands them.
fn tasks_for_agent(group: &Group, refined: bool) -> Vec<Raw<v1::TaskInfo>> {
    let tasks = group.tasks.iter();
    tasks.map(|task| if refined { task.info.clone() } else { downgrade(&task.info) }).collect()
}
