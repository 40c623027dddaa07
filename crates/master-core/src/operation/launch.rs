//! LAUNCH: tasks with a command, or with an executor of their own.

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
        let available = accepted.remaining.non_shared() + &accepted.shared;
        if let Err(error) = validation::task::validate(&candidate, framework, agent, &available) {
            self.refuse_tasks(&accepted.framework, &[candidate.info], Reason::TaskInvalid, &error, turn);
            return;
        }
        let Candidate { info, resources, executor_resources } = candidate;
        let executor = info.executor.as_ref().map(|executor| ExecutorId::from(&executor.executor_id));
        let known = executor
            .as_ref()
            .is_some_and(|id| agent.executors.contains_key(&(accepted.framework.clone(), id.clone())));
        let refined = agent.capabilities.has(AgentCapability::ReservationRefinement);
        let message = internal::RunTaskMessage {
            framework: framework.info.clone(),
            task: if refined { info.clone() } else { downgrade(&info) },
            resource_version_uuids: agent.resource_versions(),
            pid: Some(framework.pid_for_agents()),
            launch_executor: Some(!known),
            ..internal::RunTaskMessage::default()
        };
        turn.send(&agent.pid, message);
        turn.change(Change::Counted(Counter::Operation(framework.id.clone(), Type::Launch)));
        self.claim_copies(accepted, &resources);
        accepted.remaining -= &resources;
        if let (Some(info), false) = (&info.executor, known) {
            accepted.remaining -= &executor_resources;
            self.add_executor(&accepted.agent, &accepted.framework, info.clone(), executor_resources, turn);
        }
        let entity = launched(&info, &accepted.framework);
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
        let more = resources.shared() - accepted.remaining.shared();
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
        role: &str,
    ) -> Result<Vec<Self>, (String, Vec<Raw<v1::TaskInfo>>)> {
        let read: Result<Vec<Read>, String> = tasks.iter().map(|task| Self::read(task, role)).collect();
        match read {
            Ok(read) => {
                let complete = |(task, read)| Self::complete(task, read, framework, role);
                Ok(tasks.into_iter().zip(read).map(complete).collect())
            }
            Err(error) => Err((error, tasks)),
        }
    }

    fn read(info: &v1::TaskInfo, role: &str) -> Result<Read, String> {
        let resources = read_resources(&info.resources, role)?;
        let executor_resources = match &info.executor {
            Some(executor) => read_resources(&executor.resources, role)?,
            None => Resources::default(),
        };
        Ok((resources, executor_resources))
    }

    fn complete(
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
            set_executor_resources(&mut executor, allocated(&before.resources, role));
            if executor != before {
                replace(&mut info, tag::TASK_EXECUTOR, &[executor]);
            }
        }
        let given = allocated(&info.resources, role);
        set_task_resources(&mut info, given);
        infer_health_check_type(&mut info);
        Self { info, resources, executor_resources }
    }
}

/// Reads resources. Those without an allocation are meant to be of the offer's role; others stay for validation.
pub(super) fn read_resources(protos: &[v1::Resource], role: &str) -> Result<Resources, String> {
    let mut resources = Resources::from_protos(protos).map_err(|error| error.to_string())?;
    let allocated = resources.filter(|resource| resource.allocation_role().is_some());
    if allocated.is_empty() {
        resources.allocate(role);
        return Ok(resources);
    }
    let mut all = resources.filter(|resource| resource.allocation_role().is_none());
    all.allocate(role);
    all += &allocated;
    Ok(all)
}

/// The valid resources of a framework as agents get them: neither combined nor without empty ones, but each with its
/// stack of reservations and its allocation.
pub(super) fn allocated(given: &[v1::Resource], role: &str) -> Vec<v1::Resource> {
    let given = given.iter().map(|given| {
        let mut resource = upgraded(given);
        let allocation = || v1::resource::AllocationInfo { role: Some(role.to_owned()) };
        resource.allocation_info.get_or_insert_with(allocation);
        resource
    });
    given.collect()
}

/// A resource with its stack of reservations, and nothing else changed.
#[expect(deprecated, reason = "the old formats say the role here")]
fn upgraded(given: &v1::Resource) -> v1::Resource {
    let has_none =
        given.role() == DEFAULT_ROLE && given.reservation.is_none() && given.reservations.is_empty();
    let reservations = if has_none {
        Vec::new()
    } else {
        let read = Resource::from_proto(given).map(|read| read.to_proto());
        read.map_or_else(|_| given.reservations.clone(), |read| read.reservations)
    };
    v1::Resource { role: None, reservation: None, reservations, ..given.clone() }
}

/// Resources as agents without `RESERVATION_REFINEMENT` understand them.
pub(super) fn pre_refinement(resources: &[v1::Resource]) -> Vec<v1::Resource> {
    let old = |given: &v1::Resource| {
        Resource::from_proto(given).map_or_else(|_| given.clone(), |read| read.to_proto_pre_refinement())
    };
    resources.iter().map(old).collect()
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
        let resources = pre_refinement(&executor.resources);
        set_executor_resources(&mut executor, resources);
        replace(&mut info, tag::TASK_EXECUTOR, &[executor]);
    }
    let resources = pre_refinement(&info.resources);
    set_task_resources(&mut info, resources);
    info
}

/// Replaces a task's resources, unless they are as they should be.
pub(super) fn set_task_resources(task: &mut Raw<v1::TaskInfo>, resources: Vec<v1::Resource>) {
    task.replace_messages(tag::TASK_RESOURCES, |task| &mut task.resources, resources)
        .expect("a message that was decoded is well-formed");
}

/// Replaces an executor's resources, unless they are as they should be.
pub(super) fn set_executor_resources(executor: &mut Raw<v1::ExecutorInfo>, resources: Vec<v1::Resource>) {
    executor
        .replace_messages(tag::EXECUTOR_RESOURCES, |executor| &mut executor.resources, resources)
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
        let mut candidates = Candidate::read_all(vec![task], &FrameworkId::new("f"), "role").unwrap();
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
