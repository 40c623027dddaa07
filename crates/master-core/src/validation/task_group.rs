//! Task groups of a `LAUNCH_GROUP`.

use std::collections::BTreeSet;

use tepui_proto::v1;
use tepui_proto::v1::{container_info, executor_info, health_check};
use tepui_types::{ExecutorId, Resources, Scalar};

use super::{container, executor, resources, task};
use crate::agent::Agent;
use crate::framework::Framework;
use crate::operation::{Candidate, Group};

/// The least of a default executor, in thousandths of a cpu.
const MIN_CPUS: Scalar = Scalar::from_thousandths(10);
/// The least memory of a default executor, in thousandths of a megabyte.
const MIN_MEM: Scalar = Scalar::from_thousandths(32_000);

/// Checks a group against its framework, its agent and what is left of the offers. The first fault is told.
pub(crate) fn validate(
    group: &Group,
    framework: &Framework,
    agent: &Agent,
    offered: &Resources,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for candidate in &group.tasks {
        let id = &candidate.info.task_id.value;
        validate_task(candidate, framework, agent)
            .map_err(|error| format!("Task '{id}' is invalid: {error}"))?;
        // Mesos lets the second one through and then forgets the first.
        if !seen.insert(id) {
            return Err(format!("Task '{id}' is invalid: Task has duplicate ID: {id}"));
        }
    }
    validate_executor(group, framework, agent, offered)?;
    validate_share_cgroups(group)
}

fn validate_task(candidate: &Candidate, framework: &Framework, agent: &Agent) -> Result<(), String> {
    task::validate_alone(candidate, framework, agent)?;
    let info = &*candidate.info;
    if info.executor.is_none() {
        return Err("'TaskInfo.executor' must be set".to_owned());
    }
    if let Some(container) = &info.container {
        let probes_network = info.health_check.as_ref().is_some_and(|check| {
            matches!(check.r#type(), health_check::Type::Http | health_check::Type::Tcp)
        });
        if !container.network_infos.is_empty() && probes_network {
            let message = "HTTP and TCP health checks are not supported for nested containers not joining parent's \
                           network";
            return Err(message.to_owned());
        }
        if container.r#type() == container_info::Type::Docker {
            return Err("Docker ContainerInfo is not supported on the task".to_owned());
        }
    }
    if !info.limits.is_empty() && !has_own_cgroups(info.container.as_deref()) {
        let message = "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field \
                       is set to 'false'.";
        return Err(message.to_owned());
    }
    Ok(())
}

/// A container whose Linux part says nothing of it shares its parent's cgroups.
fn has_own_cgroups(container: Option<&v1::ContainerInfo>) -> bool {
    container::share_cgroups(container) == Some(false)
}

fn validate_executor(
    group: &Group,
    framework: &Framework,
    agent: &Agent,
    offered: &Resources,
) -> Result<(), String> {
    let info = &*group.executor;
    executor::validate(info, &group.executor_resources, &framework.id, agent)?;
    if info.r#type.is_none() {
        return Err("'ExecutorInfo.type' must be set".to_owned());
    }
    if info.r#type() == executor_info::Type::Unknown {
        return Err("Unknown executor type".to_owned());
    }
    if info.container.as_ref().is_some_and(|container| container.r#type() == container_info::Type::Docker) {
        return Err("Docker ContainerInfo is not supported on the executor".to_owned());
    }
    for task in &group.tasks {
        if task.info.executor.as_ref().is_some_and(|own| !executor::are_same(own, info)) {
            return Err(format!(
                "The `ExecutorInfo` of task '{}' is different from executor '{}'",
                task.info.task_id.value, info.executor_id.value
            ));
        }
    }
    validate_least(&info.executor_id.value, &group.executor_resources)?;
    validate_together(group)?;
    let key = (framework.id.clone(), ExecutorId::from(&info.executor_id));
    let total = group.total(!agent.executors.contains_key(&key));
    if !offered.contains(&total) {
        return Err(format!(
            "Total resources {total} required by task group and its executor are more than available {offered}"
        ));
    }
    Ok(())
}

/// An executor of a group needs something to run with.
fn validate_least(id: &str, resources: &Resources) -> Result<(), String> {
    let shown =
        |amount: Option<Scalar>| amount.map_or_else(|| "None".to_owned(), |amount| amount.to_string());
    if resources.cpus().is_none_or(|cpus| cpus < MIN_CPUS) {
        return Err(format!(
            "Executor '{id}' uses less CPUs ({}) than the minimum required ({MIN_CPUS})",
            shown(resources.cpus())
        ));
    }
    if resources.mem().is_none_or(|mem| mem < MIN_MEM) {
        let uses = resources.mem().map_or_else(|| "None".to_owned(), |mem| format!("{mem}MB"));
        return Err(format!(
            "Executor '{id}' uses less memory ({uses}) than the minimum required ({MIN_MEM}MB)"
        ));
    }
    if resources.disk().is_none() {
        return Err(format!("Executor '{id}' uses no disk"));
    }
    Ok(())
}

/// Checks the resources of all tasks and the executor together.
fn validate_together(group: &Group) -> Result<(), String> {
    let total = group.total(true);
    resources::validate_unique_persistence_id(&total)
        .map_err(|error| format!("Task group and executor use duplicate persistence ID: {error}"))?;
    resources::validate_revocable(&total).map_err(|error| {
        format!("Task group and executor mix revocable and non-revocable resources: {error}")
    })?;
    let mut apart = group.executor_resources.quantities_of_all();
    for task in &group.tasks {
        apart += &task.resources.quantities_of_all();
    }
    if apart != total.quantities_of_all() {
        let tasks: Vec<String> = group.tasks.iter().map(|task| task.resources.to_string()).collect();
        return Err(format!(
            "There are overlapping resources in the task group's task resources [ {} ] and/or executor resources {}",
            tasks.join(", "),
            group.executor_resources
        ));
    }
    Ok(())
}

fn validate_share_cgroups(group: &Group) -> Result<(), String> {
    if container::share_cgroups(group.executor.container.as_deref()) == Some(true) {
        return Err("The 'share_cgroups' field cannot be set to 'true' on executor containers".to_owned());
    }
    let own: BTreeSet<bool> =
        group.tasks.iter().map(|task| has_own_cgroups(task.info.container.as_deref())).collect();
    if own.len() > 1 {
        let message = "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under \
                       a single executor";
        return Err(message.to_owned());
    }
    Ok(())
}
