//! Carrying out an operation whose outcome is known: on what is left of the offers, on the books, at the agent.

use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::{OperationState, OperationStatus};
use tepui_proto::{internal, v1};
use tepui_types::{
    MAX_ENTRIES, Resource, ResourceConversion, Resources, Uuid, conversions, operation_resources_mut,
};

use crate::agent::Agent;
use crate::change::{Change, Counter};
use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;

impl Master {
    /// Applies a valid operation to what is left: later operations of the call may use what it makes.
    pub(super) fn convert_remaining(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let conversions = conversions(&operation).map_err(|error| error.to_string())?;
        let remaining = accepted.remaining.apply(&conversions).map_err(|error| error.to_string())?;
        self.carry_out(accepted, operation, &conversions, turn)?;
        accepted.remaining = remaining;
        Ok(())
    }

    /// Applies a valid operation to what is left, but keeps what it makes from later operations of the call.
    pub(super) fn resize_remaining(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let name = operation.r#type().as_str_name();
        let conversions = conversions(&operation).map_err(|error| error.to_string())?;
        for ResourceConversion { consumed, .. } in &conversions {
            if !accepted.remaining.contains(consumed) {
                let remaining = &accepted.remaining;
                return Err(format!("Invalid {name} operation: {remaining} does not contain {consumed}"));
            }
        }
        self.carry_out(accepted, operation, &conversions, turn)?;
        for ResourceConversion { consumed, converted, .. } in conversions {
            accepted.remaining -= &consumed;
            accepted.resized += &converted;
        }
        Ok(())
    }

    /// Changes the agent's resources on the books and tells the agent.
    fn carry_out(
        &mut self,
        accepted: &Accepted,
        operation: Operation,
        conversions: &[ResourceConversion],
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let Some(agent) = self.agents.registered.get_mut(&accepted.agent) else {
            return Err("Agent removed".to_owned());
        };
        let bare: Vec<_> = conversions.iter().cloned().map(ResourceConversion::unallocated).collect();
        let total = agent.total.apply(&bare).map_err(|error| error.to_string())?;
        if total.len() > MAX_ENTRIES {
            return Err(format!("An agent cannot have more than {MAX_ENTRIES} kinds of resources"));
        }
        if agent.applies_operations() && self.operations.is_full(&accepted.agent) {
            return Err("Too many operations on the agent are not acknowledged".to_owned());
        }
        agent.total = total;
        agent.checkpointed = agent.total.filter(Resource::needs_checkpointing).to_protos();
        turn.change(Change::AgentUpdated(agent.entity()));
        for ResourceConversion { consumed, converted, .. } in conversions {
            self.allocator.convert(&accepted.framework, &accepted.agent, consumed, converted);
        }
        let kind = operation.r#type();
        self.send_operation(accepted, operation, turn);
        turn.change(Change::Counted(Counter::Operation(accepted.framework.clone(), kind)));
        Ok(())
    }

    fn send_operation(&mut self, accepted: &Accepted, operation: Operation, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(&accepted.agent) else { return };
        let Some(version) = agent.resource_version.clone().filter(|_| agent.applies_operations()) else {
            turn.send(&agent.pid, checkpoint_message(agent));
            return;
        };
        let uuid = Uuid::random(&mut self.random);
        let framework_id = Some(accepted.framework.to_proto());
        let operation_uuid = v1::Uuid { value: uuid.as_bytes().to_vec() };
        let message = internal::ApplyOperationMessage {
            framework_id: framework_id.clone(),
            operation_info: operation.clone(),
            operation_uuid: operation_uuid.clone(),
            resource_version_uuid: internal::ResourceVersionUuid {
                resource_provider_id: None,
                uuid: version,
            },
        };
        turn.send(&agent.pid, message);
        let pending = OperationStatus {
            operation_id: operation.id.clone(),
            state: OperationState::OperationPending as i32,
            agent_id: Some(accepted.agent.to_proto()),
            ..OperationStatus::default()
        };
        let kind = operation.r#type();
        let operation = v1::Operation {
            framework_id,
            agent_id: Some(accepted.agent.to_proto()),
            info: operation,
            latest_status: pending,
            statuses: Vec::new(),
            uuid: operation_uuid,
        };
        if self.operations.add((accepted.agent.clone(), uuid), operation) {
            turn.change(Change::Counted(Counter::OperationEntered(kind, OperationState::OperationPending)));
        }
    }
}

/// All dynamic reservations and volumes of an agent that does not carry out operations itself.
fn checkpoint_message(agent: &Agent) -> internal::CheckpointResourcesMessage {
    use v1::agent_info::capability::Type::ReservationRefinement;
    let checkpointed = agent.total.filter(Resource::needs_checkpointing);
    let resources = if agent.capabilities.has(ReservationRefinement) {
        checkpointed.to_protos()
    } else {
        checkpointed.to_protos_pre_refinement()
    };
    internal::CheckpointResourcesMessage { resources }
}

/// The volumes that an operation names, as offers would hold them.
pub(super) fn volumes(mut operation: Operation) -> Resources {
    operation_resources_mut(&mut operation)
        .into_iter()
        .filter_map(|resource| Resource::from_proto(resource).ok())
        .map(Resource::unallocated)
        .collect()
}
