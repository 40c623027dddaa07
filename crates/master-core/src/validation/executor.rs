//! Executors.

use tepui_proto::v1;
use tepui_proto::v1::{container_info, executor_info};
use tepui_proto::{JsonDialect, MesosMessage};
use tepui_types::{FrameworkId, Resources, validate_id};

use super::{command, container, resources};
use crate::agent::Agent;

/// Checks an executor by itself.
pub(crate) fn validate_shape(executor: &v1::ExecutorInfo) -> Result<(), String> {
    validate_type(executor)?;
    validate_id(&executor.executor_id.value).map_err(|error| error.to_string())?;
    if executor.shutdown_grace_period.is_some_and(|period| period.nanoseconds < 0) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".to_owned());
    }
    if let Some(command) = &executor.command {
        command::validate(command)
            .map_err(|error| format!("Executor's `CommandInfo` is invalid: {error}"))?;
    }
    if let Some(container) = &executor.container {
        container::validate(container)
            .map_err(|error| format!("Executor's `ContainerInfo` is invalid: {error}"))?;
    }
    Ok(())
}

fn validate_type(executor: &v1::ExecutorInfo) -> Result<(), String> {
    match executor.r#type() {
        executor_info::Type::Custom if executor.command.is_none() => {
            Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned())
        }
        executor_info::Type::Unknown | executor_info::Type::Custom => Ok(()),
        executor_info::Type::Default => {
            if executor.command.is_some() {
                return Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".to_owned());
            }
            let Some(container) = &executor.container else { return Ok(()) };
            if container.r#type() != container_info::Type::Mesos {
                return Err("'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor".to_owned());
            }
            if container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some()) {
                let message = "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor";
                return Err(message.to_owned());
            }
            Ok(())
        }
    }
}

/// Checks an executor of a task that is to be launched.
pub(crate) fn validate(
    executor: &v1::ExecutorInfo,
    read: &Resources,
    framework: &FrameworkId,
    agent: &Agent,
) -> Result<(), String> {
    validate_shape(executor)?;
    match &executor.framework_id {
        None => return Err("'ExecutorInfo.framework_id' must be set".to_owned()),
        Some(id) if id.value != framework.as_str() => {
            return Err(format!(
                "ExecutorInfo has an invalid FrameworkID (Actual: {} vs Expected: {framework})",
                id.value
            ));
        }
        Some(_) => {}
    }
    resources::validate(read).map_err(|error| format!("Executor uses invalid resources: {error}"))?;
    resources::validate_unique_persistence_id(read)
        .map_err(|error| format!("Executor uses duplicate persistence ID: {error}"))?;
    resources::validate_single_role(read).map_err(|error| format!("Invalid executor resources: {error}"))?;
    resources::validate_revocable(read)
        .map_err(|error| format!("Executor mixes revocable and non-revocable resources: {error}"))?;
    validate_compatible(executor, framework, agent)
}

/// One executor id means one executor.
fn validate_compatible(
    executor: &v1::ExecutorInfo,
    framework: &FrameworkId,
    agent: &Agent,
) -> Result<(), String> {
    let key = (framework.clone(), (&executor.executor_id).into());
    let Some(existing) = agent.executors.get(&key) else { return Ok(()) };
    if are_same(&existing.info, executor) {
        return Ok(());
    }
    let json = |executor: &v1::ExecutorInfo| {
        String::from_utf8_lossy(&executor.to_json(JsonDialect::V1)).into_owned()
    };
    let line = "------------------------------------------------------------";
    Err(format!(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n{line}\nExisting \
         ExecutorInfo:\n{}\n{line}\nExecutorInfo:\n{}\n{line}\n",
        json(&existing.info),
        json(executor)
    ))
}

/// Tells whether two descriptions are of one executor. Resources may be given in any order and in parts.
pub(crate) fn are_same(left: &v1::ExecutorInfo, right: &v1::ExecutorInfo) -> bool {
    left == right
        || (without_resources(left) == without_resources(right)
            && Resources::from_protos(&left.resources) == Resources::from_protos(&right.resources))
}

fn without_resources(executor: &v1::ExecutorInfo) -> v1::ExecutorInfo {
    v1::ExecutorInfo { resources: Vec::new(), ..executor.clone() }
}
