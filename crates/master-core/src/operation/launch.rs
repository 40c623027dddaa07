//! LAUNCH: tasks with a command, or with an executor of their own.

use std::sync::Arc;

use prost::Message;
use tepui_proto::MesosMessage;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::health_check;
use tepui_proto::v1::offer::operation::Type;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::{Raw, internal, v1};
use tepui_types::{DEFAULT_ROLE, ExecutorId, FrameworkId, Resource, Resources};

use crate::change::{Change, Counter};
use crate::master::Master;
use crate::scheduler::Accepted;
use crate::task::{Report, Task, launched};
use crate::turn::Turn;
use crate::validation;

/// Field numbers of what is replaced in a task on its way.
pub(super) mod tag {
    pub(in crate::operation) const TASK_RESOURCES: u32 = 4;
    pub(in crate::operation) const TASK_EXECUTOR: u32 = 5;
    pub(in crate::operation) const TASK_HEALTH_CHECK: u32 = 8;
    pub(in crate::operation) const EXECUTOR_RESOURCES: u32 = 5;
    pub(in crate::operation) const EXECUTOR_FRAMEWORK_ID: u32 = 8;
}

/// A task on its way, with its resources read.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// With post-refinement resources that are allocated to a role.
    pub(crate) info: Raw<v1::TaskInfo>,
    pub(crate) resources: Resources,
    /// Those of its own executor.
    pub(crate) executor_resources: Resources,
}

impl Master {
    /// Launches those tasks that are valid, each on what the ones before it left.
    pub(super) fn launch(&mut self, accepted: &mut Accepted, tasks: Vec<Candidate>, turn: &mut Turn<'_>) {
        for candidate in tasks {
            self.launch_task(accepted, candidate, turn);
        }
    }

    fn launch_task(&mut self, accepted: &mut Accepted, candidate: Candidate, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(&accepted.framework) else { return };
        let Some(agent) = self.agents.registered.get(&accepted.agent) else { return };
        if let Err(error) = validation::task::validate(&candidate, framework, agent, &accepted.available()) {
            self.refuse_tasks(&accepted.framework, &[candidate.info], Reason::TaskInvalid, &error, turn);
            return;
        }
        let Candidate { info, resources, executor_resources } = candidate;
        let executor = info.executor.as_ref().map(|executor| ExecutorId::from(&executor.executor_id));
        let known = executor
            .as_ref()
            .is_some_and(|id| agent.executors.contains_key(&(accepted.framework.clone(), id.clone())));
        let refined = agent.capabilities.has(AgentCapability::ReservationRefinement);
        let entity = launched(&info, &accepted.framework);
        let new_executor = info.executor.clone().filter(|_| !known);
        let message = internal::RunTaskMessage {
            framework: framework.info.clone(),
            task: if refined { info } else { downgrade(&info) },
            resource_version_uuids: agent.resource_versions(),
            pid: Some(framework.pid_for_agents()),
            launch_executor: Some(!known),
            ..internal::RunTaskMessage::default()
        };
        turn.send(&agent.pid, message);
        turn.change(Change::Counted(Counter::Operation(framework.id.clone(), Type::Launch)));
        self.claim_copies(accepted, &resources);
        accepted.remaining -= &resources;
        if let Some(info) = new_executor {
            accepted.remaining -= &executor_resources;
            self.add_executor(&accepted.agent, &accepted.framework, info, executor_resources, turn);
        }
        let task = Task {
            agent: accepted.agent.clone(),
            executor,
            state: TaskState::TaskStaging,
            resources,
            forwarded: None,
            report: Report::default(),
        };
        self.add_task(&accepted.framework, task, entity, turn);
    }

    /// A task may have a copy of a shared volume that was offered once and given to tasks before it.
    fn claim_copies(&mut self, accepted: &Accepted, resources: &Resources) {
        let mut more = resources.shared();
        more -= &accepted.remaining;
        if !more.is_empty() {
            self.allocator.claim(&accepted.framework, &accepted.agent, &more);
        }
    }
}

/// The resources of a task and of its own executor.
type Read = (Resources, Resources);

impl Candidate {
    /// Reads a task's resources and fills in what frameworks may leave out.
    pub(super) fn read_all(
        tasks: Vec<Raw<v1::TaskInfo>>,
        framework: &FrameworkId,
        role: &Arc<str>,
    ) -> Result<Vec<Self>, (String, Vec<Raw<v1::TaskInfo>>)> {
        let read: Result<Vec<Read>, String> = tasks.iter().map(|task| Self::read(task, role)).collect();
        match read {
            Ok(read) => {
                let complete = |(task, read)| Self::completed(task, read, framework, role);
                Ok(tasks.into_iter().zip(read).map(complete).collect())
            }
            Err(error) => Err((error, tasks)),
        }
    }

    fn read(info: &v1::TaskInfo, role: &Arc<str>) -> Result<Read, String> {
        let resources = read_resources(&info.resources, role)?;
        let executor_resources = match &info.executor {
            Some(executor) => read_resources(&executor.resources, role)?,
            None => Resources::default(),
        };
        Ok((resources, executor_resources))
    }

    fn completed(
        mut info: Raw<v1::TaskInfo>,
        (resources, executor_resources): Read,
        framework: &FrameworkId,
        role: &str,
    ) -> Self {
        if let Some(executor) = &info.executor {
            let mut executor = executor.clone();
            let before = executor.clone();
            if executor.framework_id.is_none() {
                replace(&mut executor, tag::EXECUTOR_FRAMEWORK_ID, &[framework.to_proto()]);
            }
            complete_executor_resources(&mut executor, role);
            if executor != before {
                replace(&mut info, tag::TASK_EXECUTOR, &[executor]);
            }
        }
        complete_task_resources(&mut info, role);
        infer_health_check_type(&mut info);
        Self { info, resources, executor_resources }
    }
}

/// Reads resources. Those without an allocation are meant to be of the offer's role; others stay for validation.
pub(super) fn read_resources(protos: &[v1::Resource], role: &Arc<str>) -> Result<Resources, String> {
    let mut resources = Resources::from_protos(protos).map_err(|error| error.to_string())?;
    if resources.iter().all(|resource| resource.allocation_role().is_none()) {
        resources.allocate(Arc::clone(role));
        return Ok(resources);
    }
    let allocated = resources.filter(|resource| resource.allocation_role().is_some());
    let mut all = resources.filter(|resource| resource.allocation_role().is_none());
    all.allocate(Arc::clone(role));
    all += &allocated;
    Ok(all)
}

/// Makes the valid resources of a framework what agents get: neither combined nor without empty ones, but each with its
/// stack of reservations and its allocation. Says whether any changed.
fn complete(resources: &mut [v1::Resource], role: &str) -> bool {
    let mut changed = false;
    for resource in resources {
        changed |= upgrade(resource) | resource.allocation_info.is_none();
        let allocation = || v1::resource::AllocationInfo { role: Some(role.to_owned()) };
        resource.allocation_info.get_or_insert_with(allocation);
    }
    changed
}

/// Gives a resource its stack of reservations, and changes nothing else. Says whether that was to be done.
#[expect(deprecated, reason = "the old formats say the role here")]
fn upgrade(resource: &mut v1::Resource) -> bool {
    let has_none =
        resource.role() == DEFAULT_ROLE && resource.reservation.is_none() && resource.reservations.is_empty();
    let mut changed = false;
    if !has_none && let Ok(read) = Resource::from_proto(resource) {
        let reservations = read.to_proto().reservations;
        changed = resource.reservations != reservations;
        resource.reservations = reservations;
    }
    changed | resource.role.take().is_some() | resource.reservation.take().is_some()
}

/// Makes resources what agents without `RESERVATION_REFINEMENT` understand.
pub(super) fn to_pre_refinement(resources: &mut Vec<v1::Resource>) -> bool {
    for resource in resources {
        if let Ok(read) = Resource::from_proto(resource) {
            *resource = read.to_proto_pre_refinement();
        }
    }
    true
}

/// Compat: older frameworks set no type, and agents want one.
fn infer_health_check_type(info: &mut Raw<v1::TaskInfo>) {
    let Some(check) = info.health_check.as_deref().filter(|check| check.r#type.is_none()) else { return };
    let kind = match (check.command.is_some(), check.http.is_some()) {
        (true, false) => health_check::Type::Command,
        (false, true) => health_check::Type::Http,
        (true, true) | (false, false) => return,
    };
    let check = v1::HealthCheck { r#type: Some(kind as i32), ..check.clone() };
    replace(info, tag::TASK_HEALTH_CHECK, &[check]);
}

/// The task as agents without `RESERVATION_REFINEMENT` understand it.
pub(super) fn downgrade(info: &Raw<v1::TaskInfo>) -> Raw<v1::TaskInfo> {
    let mut info = info.clone();
    if let Some(mut executor) = info.executor.clone() {
        edit_executor_resources(&mut executor, to_pre_refinement);
        replace(&mut info, tag::TASK_EXECUTOR, &[executor]);
    }
    edit_task_resources(&mut info, to_pre_refinement);
    info
}

/// Completes a task's resources.
pub(super) fn complete_task_resources(task: &mut Raw<v1::TaskInfo>, role: &str) {
    edit_task_resources(task, |resources| complete(resources, role));
}

/// Completes an executor's resources.
pub(super) fn complete_executor_resources(executor: &mut Raw<v1::ExecutorInfo>, role: &str) {
    edit_executor_resources(executor, |resources| complete(resources, role));
}

/// Changes a task's resources; `edit` says whether it did.
pub(super) fn edit_task_resources(
    task: &mut Raw<v1::TaskInfo>,
    edit: impl FnOnce(&mut Vec<v1::Resource>) -> bool,
) {
    task.edit_messages(tag::TASK_RESOURCES, |task| &mut task.resources, edit)
        .expect("a message that was decoded is well-formed");
}

/// Changes an executor's resources; `edit` says whether it did.
pub(super) fn edit_executor_resources(
    executor: &mut Raw<v1::ExecutorInfo>,
    edit: impl FnOnce(&mut Vec<v1::Resource>) -> bool,
) {
    executor
        .edit_messages(tag::EXECUTOR_RESOURCES, |executor| &mut executor.resources, edit)
        .expect("a message that was decoded is well-formed");
}

/// Replaces a field by these messages.
pub(super) fn replace<T: MesosMessage, F: Message>(raw: &mut Raw<T>, tag: u32, values: &[F]) {
    let mut encoded = Vec::new();
    for value in values {
        prost::encoding::message::encode(tag, value, &mut encoded);
    }
    raw.replace_field(tag, &encoded).expect("a message that we encoded is well-formed");
}

#[cfg(test)]
mod tests {
    use prost::encoding::{WireType, encode_key, encode_varint};

    use super::*;

    /// A field that no version of the messages has: number 1000, with this value.
    fn unknown_field(value: u64) -> Vec<u8> {
        let mut field = Vec::new();
        encode_key(1000, WireType::Varint, &mut field);
        encode_varint(value, &mut field);
        field
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn what_we_do_not_know_reaches_the_agent() {
        let resource = v1::Resource {
            name: "cpus".to_owned(),
            scalar: Some(v1::value::Scalar { value: 1.0 }),
            ..v1::Resource::default()
        };
        let executor = v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: "e".to_owned() },
            resources: vec![resource.clone()],
            ..v1::ExecutorInfo::default()
        };
        let executor =
            Raw::<v1::ExecutorInfo>::decode([executor.encode_to_vec(), unknown_field(7)].concat().as_slice());
        let task = v1::TaskInfo {
            name: "n".to_owned(),
            task_id: v1::TaskId { value: "t".to_owned() },
            agent_id: v1::AgentId { value: "a".to_owned() },
            resources: vec![resource],
            executor: Some(executor.unwrap()),
            health_check: Some(Box::new(v1::HealthCheck {
                command: Some(v1::CommandInfo::default()),
                ..v1::HealthCheck::default()
            })),
            ..v1::TaskInfo::default()
        };
        let task = Raw::<v1::TaskInfo>::decode([task.encode_to_vec(), unknown_field(9)].concat().as_slice())
            .unwrap();
        let mut candidates =
            Candidate::read_all(vec![task], &FrameworkId::new("f"), &Arc::from("role")).unwrap();
        let candidate = candidates.remove(0);
        let old = downgrade(&candidate.info);
        for info in [candidate.info, old] {
            let bytes = info.encode_to_vec();
            assert!(contains(&bytes, &unknown_field(7)), "the executor's unknown field is kept");
            assert!(contains(&bytes, &unknown_field(9)), "the task's unknown field is kept");
            let executor = info.executor.as_ref().unwrap();
            assert_eq!(executor.framework_id.as_ref().unwrap().value, "f");
            assert_eq!(executor.resources[0].allocation_info.as_ref().unwrap().role(), "role");
            assert_eq!(info.resources[0].allocation_info.as_ref().unwrap().role(), "role");
            assert_eq!(info.health_check.as_ref().unwrap().r#type(), health_check::Type::Command);
        }
    }
}
