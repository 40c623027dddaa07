//! `RECONCILE_OPERATIONS`: a framework asks what became of its operations.

use std::collections::BTreeMap;

use tepui_proto::internal::reconcile_operations_message::Operation;
use tepui_proto::v1::OperationState;
use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::scheduler::call;
use tepui_proto::{internal, v1};
use tepui_types::{AgentId, FrameworkId, OperationId, Upid};

use crate::agent::Agent;
use crate::master::{Agents, Master};
use crate::operation::reconciled_status;
use crate::turn::Turn;

impl Master {
    /// Answers for each named operation; if none is named, for all that are known.
    pub(crate) fn reconcile_operations(
        &self,
        framework: &FrameworkId,
        reconcile: call::ReconcileOperations,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_reconcile_operations");
        let Some(owner) = self.frameworks.registered.get(framework) else { return };
        if reconcile.operations.is_empty() {
            for operation in self.operations.of_framework(framework) {
                owner.send_operation_status(turn, reconciled_status(operation));
            }
        }
        let mut forwarded: BTreeMap<&Upid, Vec<Operation>> = BTreeMap::new();
        for asked in reconcile.operations {
            let known = self.operations.find(framework, &OperationId::from(&asked.operation_id));
            if let Some((_, operation)) = known {
                owner.send_operation_status(turn, reconciled_status(operation));
                continue;
            }
            let agent = asked.agent_id.as_ref().map(AgentId::from);
            if let Some(host) = self.agent_with_unknown_provider(agent.as_ref(), &asked) {
                forwarded.entry(&host.pid).or_default().push(Operation {
                    operation_id: Some(asked.operation_id),
                    resource_provider_id: asked.resource_provider_id,
                    ..Operation::default()
                });
                continue;
            }
            let (state, message) = unknown_operation(&self.agents, agent.as_ref());
            let status = v1::OperationStatus {
                operation_id: Some(asked.operation_id),
                state: state as i32,
                message: Some(message.to_owned()),
                agent_id: asked.agent_id,
                resource_provider_id: asked.resource_provider_id,
                ..v1::OperationStatus::default()
            };
            owner.send_operation_status(turn, status);
        }
        for (pid, operations) in forwarded {
            let framework_id = Some(framework.to_proto());
            turn.send(pid, internal::ReconcileOperationsMessage { operations, framework_id });
        }
    }

    /// The agent that is asked about an operation of a resource provider. We know of no provider, but it may.
    fn agent_with_unknown_provider(
        &self,
        agent: Option<&AgentId>,
        asked: &call::reconcile_operations::Operation,
    ) -> Option<&Agent> {
        asked.resource_provider_id.as_ref()?;
        let agent = self.agents.registered.get(agent?)?;
        agent.capabilities.has(AgentCapability::AgentOperationFeedback).then_some(agent)
    }
}

fn unknown_operation(agents: &Agents, agent: Option<&AgentId>) -> (OperationState, &'static str) {
    match agent {
        None => (
            OperationState::OperationUnknown,
            "Reconciliation: Operation is unknown and no 'agent_id' was provided",
        ),
        Some(agent) if agents.recovered.contains_key(agent) => (
            OperationState::OperationRecovering,
            "Reconciliation: Agent is recovered but has not re-registered",
        ),
        Some(agent) if agents.registered.contains_key(agent) => {
            (OperationState::OperationUnknown, "Reconciliation: Operation is unknown")
        }
        Some(agent) if agents.unreachable.contains_key(agent) => {
            (OperationState::OperationUnreachable, "Reconciliation: Agent is unreachable")
        }
        Some(agent) if agents.gone.contains_key(agent) => {
            (OperationState::OperationGoneByOperator, "Reconciliation: Agent marked gone by operator")
        }
        Some(_) => (OperationState::OperationUnknown, "Reconciliation: Both operation and agent are unknown"),
    }
}
