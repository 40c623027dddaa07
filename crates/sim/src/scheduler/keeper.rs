//! A scheduler that keeps things: it reserves, makes volumes of what it reserved, changes them, runs short tasks on them,
//! and gives back what it has had enough of. It gives most operations an id, and wants to hear how each went.

use std::time::Duration;

use tepui_proto::v1;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::{
    Create, Destroy, GrowVolume, Launch, LaunchGroup, Reserve, ShrinkVolume, Type as OperationType, Unreserve,
};
use tepui_proto::v1::resource::disk_info::Persistence;
use tepui_proto::v1::resource::reservation_info::Type as ReservationType;
use tepui_proto::v1::resource::{DiskInfo, ReservationInfo, SharedInfo};
use tepui_proto::v1::scheduler::Call;
use tepui_proto::v1::scheduler::call::{self, Type};
use tepui_types::{
    AgentId, FrameworkId, OperationId, Resource, Resources, Scalar, TaskId, Time, conversions,
    is_terminal_operation,
};

use super::Scheduler;
use crate::executor::run_time_data;

/// An operation of which nothing was heard for so long is asked about.
const PATIENCE: Duration = Duration::from_secs(30);

/// Operations with ids that one scheduler begins. More of them only cut agents into ever smaller parts.
const MAX_OPERATIONS: usize = 60;

/// An operation as its scheduler believes it to be.
#[derive(Clone, Debug)]
pub(crate) struct OperationBelief {
    agent: AgentId,
    heard: Time,
    /// It ended, or nobody knows of it.
    pub(crate) is_over: bool,
}

impl Scheduler {
    /// Does something with most offers, and declines the others.
    pub(super) fn keep(&mut self, now: Time, random: &mut fastrand::Rng, offers: &[v1::Offer]) -> Vec<Call> {
        let mut calls = Vec::new();
        for offer in offers {
            let busy = self.operations.len() < MAX_OPERATIONS && random.u8(..3) > 0;
            let operations = if busy { self.operations(now, random, offer) } else { Vec::new() };
            let filters = Some(v1::Filters { refuse_seconds: Some(f64::from(random.u8(2..20))) });
            let offer_ids = vec![offer.id.clone()];
            calls.push(if operations.is_empty() {
                let decline = Some(call::Decline { offer_ids, filters });
                Call { decline, ..self.call(Type::Decline) }
            } else {
                let accept = Some(call::Accept { offer_ids, operations, filters });
                Call { accept, ..self.call(Type::Accept) }
            });
        }
        calls
    }

    /// A few operations in a row, of which each works on what those before it left.
    fn operations(&mut self, now: Time, random: &mut fastrand::Rng, offer: &v1::Offer) -> Vec<Operation> {
        let mut free: Resources =
            offer.resources.iter().filter_map(|resource| Resource::from_proto(resource).ok()).collect();
        let role = offer.allocation_info.as_ref().map_or("*", |info| info.role()).to_owned();
        let mut operations = Vec::new();
        for _ in 0..random.usize(1..=4) {
            let Some(operation) = self.operation(now, random, offer, &free, &role) else { continue };
            if let Ok(conversions) = conversions(&operation)
                && let Ok(rest) = free.apply(&conversions)
            {
                free = rest;
            }
            operations.push(operation);
        }
        operations
    }

    fn operation(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        offer: &v1::Offer,
        free: &Resources,
        role: &str,
    ) -> Option<Operation> {
        let volumes = |resource: &&Resource| resource.is_persistent_volume();
        let plain = |resource: &&Resource| resource.scalar().is_some() && resource.disk().is_none();
        let reserved = |resource: &&Resource| plain(resource) && resource.is_dynamically_reserved();
        let disk = |resource: &&Resource| reserved(resource) && resource.name() == "disk";
        let operation = match random.u8(..16) {
            0..=3 => {
                let may = |it: &&Resource| plain(it) && it.is_unreserved() && leaves_enough(it);
                reserve(&pick(random, free, may)?, role)?
            }
            4..=6 => create(&pick(random, free, disk)?, &self.next_name(), random.u8(..4) == 0),
            7 | 8 => grow(&pick(random, free, volumes)?, &pick(random, free, disk)?),
            9 => shrink(&pick(random, free, volumes)?),
            10 => destroy(&pick(random, free, volumes)?),
            11 => unreserve(&pick(random, free, reserved)?),
            12 => self.launch_group(now, random, offer, free)?,
            _ => self.launch_on(now, random, offer, free)?,
        };
        let is_launch = matches!(operation.r#type(), OperationType::Launch | OperationType::LaunchGroup);
        if is_launch || random.u8(..4) == 0 {
            return Some(operation);
        }
        let id = OperationId::new(format!("{}-operation", self.next_name()));
        let agent = AgentId::from(&offer.agent_id);
        self.operations.insert(id.clone(), OperationBelief { agent, heard: now, is_over: false });
        Some(Operation { id: Some(id.to_proto()), ..operation })
    }

    /// A short task, with a volume if there is one.
    fn launch_on(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        offer: &v1::Offer,
        free: &Resources,
    ) -> Option<Operation> {
        let mut resources = small(free)?;
        let volume = free.iter().find(|resource| resource.is_persistent_volume());
        resources.extend(volume.filter(|_| random.bool()).map(Resource::to_proto));
        let mut task = self.short_task(now, random, offer, resources);
        task.command = Some(v1::CommandInfo { value: Some("run".to_owned()), ..v1::CommandInfo::default() });
        let launch = Some(Launch { task_infos: vec![task.into()] });
        Some(Operation { launch, ..of(OperationType::Launch) })
    }

    /// Two short tasks under the default executor.
    fn launch_group(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        offer: &v1::Offer,
        free: &Resources,
    ) -> Option<Operation> {
        let one = small(free)?;
        let role = offer.allocation_info.as_ref().map_or("*", |info| info.role());
        let executor = v1::ExecutorInfo {
            r#type: Some(v1::executor_info::Type::Default.into()),
            executor_id: v1::ExecutorId { value: format!("{}-group-{}", self.name, role.replace('/', "-")) },
            framework_id: self.id.as_ref().map(FrameworkId::to_proto),
            resources: one.clone(),
            ..v1::ExecutorInfo::default()
        };
        let tasks = (0..2).map(|_| {
            let mut task = self.short_task(now, random, offer, one.clone());
            task.command =
                Some(v1::CommandInfo { value: Some("run".to_owned()), ..v1::CommandInfo::default() });
            task.into()
        });
        let task_group = v1::TaskGroupInfo { tasks: tasks.collect() };
        let launch_group = Some(LaunchGroup { executor: executor.into(), task_group });
        Some(Operation { launch_group, ..of(OperationType::LaunchGroup) })
    }

    fn short_task(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        offer: &v1::Offer,
        resources: Vec<v1::Resource>,
    ) -> v1::TaskInfo {
        let id = TaskId::new(self.next_name());
        self.believe(now, id.clone(), AgentId::from(&offer.agent_id));
        v1::TaskInfo {
            name: id.to_string(),
            task_id: id.to_proto(),
            agent_id: offer.agent_id.clone(),
            resources,
            data: Some(run_time_data(Duration::from_millis(random.u64(1..20_000)))),
            ..v1::TaskInfo::default()
        }
    }

    pub(super) fn next_name(&mut self) -> String {
        let number = self.next_number();
        format!("{}-{number}", self.name)
    }

    /// Learns how an operation went, and acknowledges it.
    pub(crate) fn operation_status(&mut self, now: Time, status: &v1::OperationStatus) -> Vec<Call> {
        let Some(id) = status.operation_id.clone() else { return Vec::new() };
        if let Some(belief) = self.operations.get_mut(&OperationId::from(&id)) {
            belief.heard = now;
            belief.is_over |= is_terminal_operation(status.state())
                || matches!(
                    status.state(),
                    v1::OperationState::OperationUnknown | v1::OperationState::OperationUnreachable
                );
        }
        let (Some(uuid), Some(agent_id)) = (&status.uuid, &status.agent_id) else { return Vec::new() };
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: Some(agent_id.clone()),
            resource_provider_id: status.resource_provider_id.clone(),
            uuid: uuid.value.clone(),
            operation_id: id,
        };
        let acknowledge_operation_status = Some(acknowledge);
        vec![Call { acknowledge_operation_status, ..self.call(Type::AcknowledgeOperationStatus) }]
    }

    /// Asks about operations of which it has not heard for long.
    pub(super) fn ask_about_operations(&mut self, now: Time) -> Option<Call> {
        let unheard =
            |it: &&OperationBelief| !it.is_over && now.saturating_duration_since(it.heard) > PATIENCE;
        let asked = self.operations.iter().filter(|(_, it)| unheard(it));
        let operations: Vec<_> = asked
            .map(|(id, it)| call::reconcile_operations::Operation {
                operation_id: id.to_proto(),
                agent_id: Some(it.agent.to_proto()),
                resource_provider_id: None,
            })
            .collect();
        if operations.is_empty() {
            return None;
        }
        let reconcile_operations = Some(call::ReconcileOperations { operations });
        Some(Call { reconcile_operations, ..self.call(Type::ReconcileOperations) })
    }
}

fn of(kind: OperationType) -> Operation {
    Operation { r#type: Some(kind.into()), ..Operation::default() }
}

/// One of the resources for which this holds.
fn pick(
    random: &mut fastrand::Rng,
    resources: &Resources,
    holds: impl Fn(&&Resource) -> bool,
) -> Option<Resource> {
    let found: Vec<&Resource> = resources.iter().filter(holds).collect();
    random.choice(found).cloned()
}

/// As much of a resource as there is, at most `most`.
fn some(resource: &Resource, most: i64) -> v1::Resource {
    let most = Scalar::from_thousandths(most * 1000);
    let amount = resource.scalar().unwrap_or_default().min(most);
    resource.clone().with_scalar(amount).to_proto()
}

/// Enough for a small task, unreserved.
fn small(free: &Resources) -> Option<Vec<v1::Resource>> {
    let part = |name: &str, thousandths: i64| {
        let amount = Scalar::from_thousandths(thousandths);
        let enough = |it: &&Resource| {
            it.name() == name && it.is_unreserved() && it.scalar().is_some_and(|there| there >= amount)
        };
        free.iter().find(enough).map(|it| it.clone().with_scalar(amount).to_proto())
    };
    Some(vec![part("cpus", 100)?, part("mem", 32_000)?])
}

/// Whether others can still run their tasks when some of it is reserved. What keepers keep they keep for ever, and nobody
/// else would ever be done.
fn leaves_enough(resource: &Resource) -> bool {
    let least = match resource.name() {
        "cpus" => 7,
        "mem" => 576,
        _ => 0,
    };
    resource.scalar().is_some_and(|there| there >= Scalar::from_thousandths(least * 1000))
}

fn reserve(resource: &Resource, role: &str) -> Option<Operation> {
    if role == "*" {
        return None;
    }
    let most = if resource.name() == "cpus" { 1 } else { 64 };
    let mut reserved = some(resource, most);
    reserved.reservations.push(ReservationInfo {
        r#type: Some(ReservationType::Dynamic.into()),
        role: Some(role.to_owned()),
        ..ReservationInfo::default()
    });
    let reserve = Some(Reserve { resources: vec![reserved], ..Reserve::default() });
    Some(Operation { reserve, ..of(OperationType::Reserve) })
}

fn unreserve(resource: &Resource) -> Operation {
    let unreserve = Some(Unreserve { resources: vec![some(resource, 8)] });
    Operation { unreserve, ..of(OperationType::Unreserve) }
}

fn create(resource: &Resource, name: &str, is_shared: bool) -> Operation {
    let mut volume = some(resource, 16);
    let mount = v1::Volume {
        mode: v1::volume::Mode::Rw.into(),
        container_path: "data".to_owned(),
        ..v1::Volume::default()
    };
    let persistence = Some(Persistence { id: name.to_owned(), principal: None });
    volume.disk = Some(Box::new(DiskInfo { persistence, volume: Some(mount), source: None }));
    volume.shared = is_shared.then(SharedInfo::default);
    Operation { create: Some(Create { volumes: vec![volume] }), ..of(OperationType::Create) }
}

fn destroy(volume: &Resource) -> Operation {
    let destroy = Some(Destroy { volumes: vec![volume.to_proto()] });
    Operation { destroy, ..of(OperationType::Destroy) }
}

fn grow(volume: &Resource, addition: &Resource) -> Operation {
    let grow_volume = Some(GrowVolume { volume: volume.to_proto(), addition: some(addition, 4) });
    Operation { grow_volume, ..of(OperationType::GrowVolume) }
}

fn shrink(volume: &Resource) -> Operation {
    let subtract = v1::value::Scalar { value: 1.0 };
    let shrink_volume = Some(ShrinkVolume { volume: volume.to_proto(), subtract });
    Operation { shrink_volume, ..of(OperationType::ShrinkVolume) }
}
