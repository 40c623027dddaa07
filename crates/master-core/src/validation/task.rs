//! Tasks of a LAUNCH.

use std::borrow::Cow;

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::executor_info;
use tepui_proto::{JsonDialect, MesosMessage, v1};
use tepui_types::{ExecutorId, Resources, Scalar, validate_id};

use super::{check, command, container, executor, resources};
use crate::agent::Agent;
use crate::framework::Framework;
use crate::operation::Candidate;

/// Checks a task against its framework, its agent and what is left of the offers. The first fault is told.
pub(crate) fn validate(
    candidate: &Candidate,
    framework: &Framework,
    agent: &Agent,
    offered: &Resources,
) -> Result<(), String> {
    validate_alone(candidate, framework, agent)?;
    validate_executor(candidate, framework, agent, offered)?;
    if container::share_cgroups(candidate.info.container.as_deref()) == Some(false) {
        return Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".to_owned());
    }
    Ok(())
}

/// Checks what is the same for tasks of their own and those of groups.
pub(crate) fn validate_alone(
    candidate: &Candidate,
    framework: &Framework,
    agent: &Agent,
) -> Result<(), String> {
    let task = &*candidate.info;
    validate_id(&task.task_id.value).map_err(|error| error.to_string())?;
    validate_unique(task, framework)?;
    if task.agent_id.value != agent.id.as_str() {
        return Err(format!(
            "Task uses invalid agent {} while agent {} is expected",
            task.agent_id.value, agent.id
        ));
    }
    validate_times(task)?;
    if let Some(check) = &task.check {
        check::validate_check(check).map_err(|error| format!("Task uses invalid check: {error}"))?;
    }
    if let Some(check) = &task.health_check {
        check::validate_health_check(check)
            .map_err(|error| format!("Task uses invalid health check: {error}"))?;
    }
    validate_resources(task, &candidate.resources)?;
    if let Some(command) = &task.command {
        command::validate(command).map_err(|error| format!("Task's `CommandInfo` is invalid: {error}"))?;
    }
    if let Some(container) = &task.container {
        container::validate(container)
            .map_err(|error| format!("Task's `ContainerInfo` is invalid: {error}"))?;
    }
    validate_limits(task, &candidate.resources, agent)
}

fn validate_unique(task: &v1::TaskInfo, framework: &Framework) -> Result<(), String> {
    let id = task.task_id.value.as_str();
    if framework.tasks.contains_key(id) {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if framework.unreachable_tasks.contains(id) {
        return Err(format!("Task reuses the ID of an unreachable task: {id}"));
    }
    Ok(())
}

fn validate_times(task: &v1::TaskInfo) -> Result<(), String> {
    let grace = task.kill_policy.and_then(|policy| policy.grace_period);
    if grace.is_some_and(|period| period.nanoseconds < 0) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".to_owned());
    }
    if task.max_completion_time.is_some_and(|time| time.nanoseconds < 0) {
        return Err("Task's `max_completion_time` must be non-negative".to_owned());
    }
    Ok(())
}

fn validate_resources(task: &v1::TaskInfo, read: &Resources) -> Result<(), String> {
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    resources::validate(read).map_err(|error| format!("Task uses invalid resources: {error}"))?;
    resources::validate_unique_persistence_id(read)
        .map_err(|error| format!("Task uses duplicate persistence ID: {error}"))?;
    resources::validate_single_role(read).map_err(|error| format!("Invalid task resources: {error}"))?;
    resources::validate_revocable(read)
        .map_err(|error| format!("Task mixes revocable and non-revocable resources: {error}"))
}

fn validate_limits(task: &v1::TaskInfo, read: &Resources, agent: &Agent) -> Result<(), String> {
    if task.limits.is_empty() {
        return Ok(());
    }
    if !agent.capabilities.has(AgentCapability::TaskResourceLimits) {
        return Err("Agent is not capable of handling task resource limits".to_owned());
    }
    if task.limits.keys().any(|name| !matches!(name.as_str(), "cpus" | "mem")) {
        return Err("Only cpus and mem may be included in a task's resource limits".to_owned());
    }
    let below = |limit: f64, request: Scalar| !limit.is_infinite() && limit < request.as_f64();
    if let Some(limit) = task.limits.get("cpus") {
        let Some(request) = read.cpus() else {
            return Err("When a CPU limit is specified, a CPU request must also be specified".to_owned());
        };
        if below(limit.value, request) {
            return Err("The cpu limit must be greater than or equal to the cpu request".to_owned());
        }
    }
    if let Some(limit) = task.limits.get("mem") {
        let Some(request) = read.mem() else {
            return Err(
                "When a memory limit is specified, a memory request must also be specified".to_owned()
            );
        };
        if below(limit.value, request) {
            return Err("The memory limit must be greater than or equal to the memory request".to_owned());
        }
    }
    Ok(())
}

fn validate_executor(
    candidate: &Candidate,
    framework: &Framework,
    agent: &Agent,
    offered: &Resources,
) -> Result<(), String> {
    let Candidate { info, resources: task, executor_resources } = candidate;
    if info.executor.is_some() == info.command.is_some() {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".to_owned()
        );
    }
    let mut total = Cow::Borrowed(task);
    if let Some(executor) = info.executor.as_deref() {
        executor::validate(executor, executor_resources, &framework.id, agent)?;
        if executor.r#type.is_some() && executor.r#type() != executor_info::Type::Custom {
            return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_owned());
        }
        if executor.command.is_none() {
            return Err("'ExecutorInfo.command' must be set".to_owned());
        }
        if !executor_resources.shared().is_empty() {
            return Err(format!(
                "Executor resources {executor_resources} should not contain any shared resources"
            ));
        }
        if container::share_cgroups(executor.container.as_deref()) == Some(true) {
            return Err("The 'share_cgroups' field cannot be set to 'true' on executor containers".to_owned());
        }
        let key = (framework.id.clone(), ExecutorId::from(&executor.executor_id));
        if !agent.executors.contains_key(&key) {
            *total.to_mut() += executor_resources;
        }
        validate_together(task, executor_resources)?;
    }
    if !offered.contains(&total) {
        return Err(format!(
            "Total resources {total} required by task and its executor is more than available {offered}"
        ));
    }
    Ok(())
}

/// Checks the resources of a task and its executor together.
fn validate_together(task: &Resources, executor: &Resources) -> Result<(), String> {
    let mut total = task.clone();
    total += executor;
    let mut apart = task.quantities_of_all();
    apart += &executor.quantities_of_all();
    if apart != total.quantities_of_all() {
        let (task, executor) = (json(task), json(executor));
        return Err(format!(
            "There are overlapping resources in the task resources {task} and executor resources {executor}"
        ));
    }
    resources::validate_unique_persistence_id(&total)
        .map_err(|error| format!("Task and its executor use duplicate persistence ID: {error}"))?;
    resources::validate_revocable(&total)
        .map_err(|error| format!("Task and its executor mix revocable and non-revocable resources: {error}"))
}

/// Resources as a list in JSON.
fn json(resources: &Resources) -> String {
    let one = |proto: v1::Resource| String::from_utf8_lossy(&proto.to_json(JsonDialect::V0)).into_owned();
    let all: Vec<String> = resources.to_protos().into_iter().map(one).collect();
    format!("[{}]", all.join(","))
}
