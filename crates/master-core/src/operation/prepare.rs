//! What is checked of all operations of a call, before the first is applied.

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::Type;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, Resource, Resources, operation_resources_mut};

use super::{Candidate, Group, Prepared};
use crate::framework::Peer;
use crate::framework::event::of;
use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;

const DRIVER_FEEDBACK: &str = "The 'id' field was set in an offer operation, but operation feedback is not supported for \
                               the SchedulerDriver API; please use the HTTP scheduler API for this feature";

impl Master {
    /// Reads one operation and fills in what frameworks may leave out. What cannot be read is dropped.
    pub(crate) fn prepare_operation(
        &self,
        accepted: &Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Option<Prepared> {
        match operation.r#type() {
            Type::Unknown => None,
            Type::Launch => self.prepare_launch(accepted, operation, turn),
            Type::LaunchGroup => self.prepare_launch_group(accepted, operation, turn),
            Type::Reserve
            | Type::Unreserve
            | Type::Create
            | Type::Destroy
            | Type::GrowVolume
            | Type::ShrinkVolume
            | Type::CreateDisk
            | Type::DestroyDisk => self.prepare_conversion(accepted, operation, turn),
        }
    }

    fn prepare_launch(
        &self,
        accepted: &Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Option<Prepared> {
        let has_id = operation.id.is_some();
        let tasks = operation.launch.unwrap_or_default().task_infos;
        let (message, tasks) = match Candidate::read_all(tasks, &accepted.framework, &accepted.role) {
            Err(refused) => refused,
            Ok(candidates) if has_id => {
                let tasks = candidates.into_iter().map(|candidate| candidate.info).collect();
                ("The `id` field cannot be set on LAUNCH operations".to_owned(), tasks)
            }
            Ok(candidates) => return Some(Prepared::Launch(candidates)),
        };
        self.refuse_tasks(&accepted.framework, &tasks, Reason::TaskInvalid, &message, turn);
        None
    }

    fn prepare_launch_group(
        &self,
        accepted: &Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Option<Prepared> {
        let has_id = operation.id.is_some();
        let launch = operation.launch_group?;
        let tasks: Vec<Raw<v1::TaskInfo>> = launch.task_group.tasks.clone();
        let message = match Group::read(launch, &accepted.role) {
            Err(error) => error,
            Ok(_) if has_id => "The `id` field cannot be set on LAUNCH_GROUP operations".to_owned(),
            Ok(group) => return Some(Prepared::LaunchGroup(Box::new(group))),
        };
        self.refuse_tasks(&accepted.framework, &tasks, Reason::TaskGroupInvalid, &message, turn);
        None
    }

    fn prepare_conversion(
        &self,
        accepted: &Accepted,
        mut operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Option<Prepared> {
        if let Err(error) = read_resources(&mut operation) {
            let message = format!("Operation attempted with invalid resources: {error}");
            self.drop_operation(&accepted.framework, &operation, message, turn);
            return None;
        }
        if operation.id.is_some() && !self.can_give_feedback(accepted, &operation, turn) {
            return None;
        }
        for resource in operation_resources_mut(&mut operation) {
            if resource.allocation_info.is_none() {
                let role = Some(accepted.role.as_ref().to_owned());
                resource.allocation_info = Some(v1::resource::AllocationInfo { role });
            }
        }
        Some(Prepared::Conversion(Box::new(operation)))
    }

    /// A framework that gives an operation an id wants to hear of it. That must be possible.
    fn can_give_feedback(&self, accepted: &Accepted, operation: &Operation, turn: &mut Turn<'_>) -> bool {
        let Some(framework) = self.frameworks.registered.get(&accepted.framework) else { return false };
        let Some(agent) = self.agents.registered.get(&accepted.agent) else { return false };
        if !matches!(framework.peer(), Some(Peer::Http { .. })) {
            let error = Some(event::Error { message: DRIVER_FEEDBACK.to_owned() });
            framework.send(turn, Event { error, ..of(event::Type::Error) });
            return false;
        }
        let id = &agent.id;
        let message = if !agent.capabilities.has(AgentCapability::ResourceProvider) {
            format!(
                "Operation requested feedback, but agent {id} does not have the required RESOURCE_PROVIDER capability"
            )
        } else if !agent.capabilities.has(AgentCapability::AgentOperationFeedback)
            && !has_provider(&mut operation.clone())
        {
            format!(
                "Operation on agent default resources requested feedback, but agent {id} does not have the required \
                 AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities"
            )
        } else {
            return true;
        };
        self.drop_operation(&accepted.framework, operation, message, turn);
        false
    }

    /// Tells an agent's name as errors of operations do.
    pub(crate) fn describe_agent(&self, id: &AgentId) -> String {
        self.agents.registered.get(id).map_or_else(
            || id.to_string(),
            |agent| format!("{id} at {} ({})", agent.pid, agent.info.hostname),
        )
    }
}

/// Tells whether a resource provider is to carry the operation out.
fn has_provider(operation: &mut Operation) -> bool {
    operation_resources_mut(operation).first().is_some_and(|resource| resource.provider_id.is_some())
}

/// Checks an operation's resources and brings them into the format with a stack of reservations.
fn read_resources(operation: &mut Operation) -> Result<(), String> {
    check_present(operation)?;
    match operation.r#type() {
        Type::Reserve => {
            let reserve = operation.reserve.as_ref();
            for list in reserve.iter().flat_map(|reserve| [&reserve.resources, &reserve.source]) {
                Resources::from_protos(list).map_err(|error| error.to_string())?;
            }
            if reserve.is_some_and(|reserve| !reserve.source.is_empty()) {
                let message = "Reservation updates are not yet implemented for the scheduler API.";
                return Err(message.to_owned());
            }
        }
        Type::Unreserve | Type::Create | Type::Destroy => {
            let list: Vec<v1::Resource> =
                operation_resources_mut(operation).into_iter().map(|resource| resource.clone()).collect();
            Resources::from_protos(&list).map_err(|error| error.to_string())?;
        }
        Type::GrowVolume
        | Type::ShrinkVolume
        | Type::CreateDisk
        | Type::DestroyDisk
        | Type::Launch
        | Type::LaunchGroup
        | Type::Unknown => {}
    }
    for resource in operation_resources_mut(operation) {
        *resource = Resource::from_proto(resource).map_err(|error| error.to_string())?.to_proto();
    }
    Ok(())
}

fn check_present(operation: &Operation) -> Result<(), String> {
    let (present, kind, field) = match operation.r#type() {
        Type::Reserve => (operation.reserve.is_some(), "A RESERVE offer", "reserve field set."),
        Type::Unreserve => (operation.unreserve.is_some(), "An UNRESERVE offer", "unreserve field set."),
        Type::Create => (operation.create.is_some(), "A CREATE offer", "create field set."),
        Type::Destroy => (operation.destroy.is_some(), "A DESTROY offer", "destroy field set."),
        Type::GrowVolume => (operation.grow_volume.is_some(), "A GROW_VOLUME", "grow_volume field set"),
        Type::ShrinkVolume => {
            (operation.shrink_volume.is_some(), "A SHRINK_VOLUME offer", "shrink_volume field set")
        }
        Type::CreateDisk => {
            (operation.create_disk.is_some(), "A CREATE_DISK offer", "create_disk field set.")
        }
        Type::DestroyDisk => {
            (operation.destroy_disk.is_some(), "A DESTROY_DISK offer", "destroy_disk field set.")
        }
        Type::Launch | Type::LaunchGroup | Type::Unknown => return Ok(()),
    };
    if present {
        return Ok(());
    }
    Err(format!("{kind} operation must have the Offer.Operation.{field}"))
}
