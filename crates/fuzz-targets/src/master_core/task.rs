//! Tasks, and what they are made of.

use tepui_proto::{Raw, v1};
use tepui_types::Resources;

use crate::source::Source;

pub(super) const STATES: &[v1::TaskState] = &[
    v1::TaskState::TaskRunning,
    v1::TaskState::TaskFinished,
    v1::TaskState::TaskStaging,
    v1::TaskState::TaskStarting,
    v1::TaskState::TaskKilling,
    v1::TaskState::TaskFailed,
    v1::TaskState::TaskKilled,
    v1::TaskState::TaskLost,
    v1::TaskState::TaskUnreachable,
    v1::TaskState::TaskUnknown,
    v1::TaskState::TaskGone,
];

/// A few ids, so that they meet.
pub(super) fn id(source: &mut Source<'_>) -> v1::TaskId {
    v1::TaskId { value: format!("t{}", source.byte() % 4) }
}

/// Resources as tasks have them.
pub(super) fn resources(source: &mut Source<'_>, role: &str) -> Vec<v1::Resource> {
    const TEXTS: &[&str] =
        &["cpus:1;mem:64", "cpus:0.5;mem:32", "cpus:4;mem:1024", "cpus:0.1", "ports:[31000-31001]", ""];
    let text = source.pick(TEXTS).unwrap_or_default();
    let mut resources = Resources::parse(text, "*").expect("they are well-formed");
    resources.allocate(role);
    resources.to_protos()
}

/// The usual capabilities.
pub(super) fn multi_role() -> v1::FrameworkInfo {
    use v1::framework_info::{Capability, capability::Type};
    let capabilities = [Type::MultiRole, Type::ReservationRefinement, Type::PartitionAware]
        .map(|kind| Capability { r#type: Some(kind.into()) })
        .to_vec();
    v1::FrameworkInfo { capabilities, ..v1::FrameworkInfo::default() }
}

/// A task for an offer: with a command, or with an executor.
pub(super) fn info(source: &mut Source<'_>, offer: &v1::Offer) -> v1::TaskInfo {
    let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone()).unwrap_or_default();
    let command = v1::CommandInfo { value: Some("true".to_owned()), ..v1::CommandInfo::default() };
    let task_id = id(source);
    let resources = if source.once_in(8) { offer.resources.clone() } else { resources(source, &role) };
    let task = v1::TaskInfo {
        name: "task".to_owned(),
        task_id,
        agent_id: offer.agent_id.clone(),
        resources,
        ..v1::TaskInfo::default()
    };
    if source.once_in(3) {
        let executor = executor(source, &role, command);
        v1::TaskInfo { executor: Some(executor), ..task }
    } else {
        v1::TaskInfo { command: Some(command), ..task }
    }
}

pub(super) fn executor(
    source: &mut Source<'_>,
    role: &str,
    command: v1::CommandInfo,
) -> Raw<v1::ExecutorInfo> {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: format!("e{}", source.byte() % 2) },
        command: Some(command),
        resources: resources(source, role),
        ..v1::ExecutorInfo::default()
    }
    .into()
}
