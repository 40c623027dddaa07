//! `ACKNOWLEDGE_OPERATION_STATUS`: a status of an operation reached the scheduler.

use tepui_proto::v1;
use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::scheduler::call;
use tepui_types::{AgentId, FrameworkId, OperationId, is_terminal_operation};

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Passes the acknowledgement to the agent. With that of its end an operation is forgotten.
    pub(crate) fn acknowledge_operation_status(
        &mut self,
        framework: &FrameworkId,
        acknowledge: &call::AcknowledgeOperationStatus,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_operation_status_update_acknowledgement");
        let metric = match self.pass_operation_acknowledgement(framework, acknowledge, turn) {
            Ok(()) => "master/valid_operation_status_update_acknowledgements",
            Err(metric) => metric,
        };
        turn.count(metric);
    }

    /// Passes the acknowledgement on, or says which metric counts why not.
    fn pass_operation_acknowledgement(
        &mut self,
        framework: &FrameworkId,
        acknowledge: &call::AcknowledgeOperationStatus,
        turn: &mut Turn<'_>,
    ) -> Result<(), &'static str> {
        const INVALID: &str = "master/invalid_operation_status_update_acknowledgements";
        let agent = acknowledge.agent_id.as_ref().map(AgentId::from);
        let agent = agent.and_then(|id| self.agents.registered.get(&id)).filter(|agent| agent.connected);
        let agent = agent.ok_or(INVALID)?;
        let needed = if acknowledge.resource_provider_id.is_some() {
            AgentCapability::ResourceProvider
        } else {
            AgentCapability::AgentOperationFeedback
        };
        if !agent.capabilities.has(needed) {
            return Err(INVALID);
        }
        let id = OperationId::from(&acknowledge.operation_id);
        let (key, operation) = self.operations.find(framework, &id).ok_or(INVALID)?;
        let status_uuid = v1::Uuid { value: acknowledge.uuid.clone() };
        let mut statuses = operation.statuses.iter();
        // Compat: Mesos counts this one among the acknowledgements of tasks.
        let status = statuses
            .find(|status| status.uuid.as_ref() == Some(&status_uuid))
            .ok_or("master/invalid_status_update_acknowledgements")?;
        let (key, ended) = (key.clone(), is_terminal_operation(status.state()));
        self.acknowledge_operation(&key, status_uuid, turn);
        if ended {
            self.remove_operation(&key, turn);
        }
        Ok(())
    }
}
