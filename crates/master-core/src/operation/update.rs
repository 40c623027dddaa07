//! What agents say of operations, and the end of the master's interest in one.

use tepui_proto::v1::OperationState;
use tepui_proto::{internal, v1};
use tepui_types::{AgentId, FrameworkId, Uuid, is_terminal_operation};

use super::book::Key;
use crate::change::{Change, Counter};
use crate::master::Master;
use crate::turn::Turn;

/// A state that is known, and that an agent may report.
fn operation_state(status: &v1::OperationStatus) -> Option<OperationState> {
    OperationState::try_from(status.state).ok().filter(|state| *state != OperationState::OperationUnsupported)
}

impl Master {
    /// `UpdateOperationStatusMessage`: passes on how an operation goes. An agent repeats it until it is acknowledged: by
    /// the framework that gave the operation an id, else by us.
    pub(crate) fn operation_status(
        &mut self,
        message: internal::UpdateOperationStatusMessage,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_operation_status_update");
        let framework = message.framework_id.as_ref().map(FrameworkId::from);
        let Some(uuid) = message.operation_uuid else {
            return self.pass_operation_status(framework.as_ref(), message.status, turn);
        };
        let agent = message.slave_id.as_ref().map(AgentId::from);
        let agent = agent.filter(|agent| self.agents.registered.contains_key(agent));
        let (Some(agent), Some(uuid)) = (agent, Uuid::from_slice(&uuid.value)) else {
            return turn.count("master/invalid_operation_status_updates");
        };
        let newest = message.latest_status.as_ref().unwrap_or(&message.status);
        let key = (agent, uuid);
        let known = self.operations.get(&key).is_some() && operation_state(newest).is_some();
        if !known {
            turn.count("master/invalid_operation_status_updates");
            return self.pass_operation_status(framework.as_ref(), message.status, turn);
        }
        turn.count("master/valid_operation_status_updates");
        let newest = newest.clone();
        self.update_operation(&key, &newest, message.status, turn);
    }

    fn update_operation(
        &mut self,
        key: &Key,
        newest: &v1::OperationStatus,
        mut status: v1::OperationStatus,
        turn: &mut Turn<'_>,
    ) {
        let Some(operation) = self.operations.get(key) else { return };
        let (kind, id) = (operation.info.r#type(), operation.info.id.clone());
        let framework = operation.framework_id.as_ref().map(FrameworkId::from);
        let is_unknown = newest.uuid.is_none() && newest.state() == OperationState::OperationDropped;
        if is_unknown && is_terminal_operation(operation.latest_status.state()) {
            // Its agent was asked and does not have it any more: its end is known and acknowledged.
            return self.remove_operation(key, turn);
        }
        let newest = v1::OperationStatus { operation_id: id.clone(), ..newest.clone() };
        if let Some((before, after)) =
            self.operations.update(key, &newest).filter(|(before, after)| before != after)
        {
            turn.change(Change::Counted(Counter::OperationLeft(kind, before)));
            turn.change(Change::Counted(Counter::OperationEntered(kind, after)));
        }
        let ended = is_terminal_operation(newest.state());
        let awaited =
            framework.filter(|framework| id.is_some() && !self.frameworks.completed.contains(framework));
        let done = if let Some(framework) = awaited {
            status.operation_id = id;
            self.pass_operation_status(Some(&framework), status, turn);
            // Without a uuid there is nothing to acknowledge.
            ended && newest.uuid.is_none()
        } else {
            if let Some(uuid) = newest.uuid {
                self.acknowledge_operation(key, uuid, turn);
            }
            ended
        };
        if done {
            self.remove_operation(key, turn);
        }
    }

    /// Tells a framework, if it is there.
    fn pass_operation_status(
        &self,
        framework: Option<&FrameworkId>,
        status: v1::OperationStatus,
        turn: &mut Turn<'_>,
    ) {
        if let Some(framework) = framework.and_then(|id| self.frameworks.registered.get(id)) {
            framework.send_operation_status(turn, status);
        }
    }

    /// Tells an agent that a status need not be repeated.
    pub(crate) fn acknowledge_operation(&self, key: &Key, status_uuid: v1::Uuid, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(&key.0) else { return };
        let message = internal::AcknowledgeOperationStatusMessage {
            status_uuid,
            operation_uuid: v1::Uuid { value: key.1.as_bytes().to_vec() },
            resource_provider_id: None,
        };
        turn.send(&agent.pid, message);
    }

    /// Forgets an operation.
    pub(crate) fn remove_operation(&mut self, key: &Key, turn: &mut Turn<'_>) {
        let Some(operation) = self.operations.remove(key) else { return };
        let state = operation.latest_status.state();
        if !is_terminal_operation(state) {
            turn.change(Change::Counted(Counter::OperationLeft(operation.info.r#type(), state)));
        }
        self.end_drain(&key.0, turn);
    }

    /// Tells frameworks what becomes of their operations on an agent that is lost.
    pub(crate) fn send_operations_lost(
        &self,
        agent: &AgentId,
        state: OperationState,
        message: &str,
        turn: &mut Turn<'_>,
    ) {
        for (_, operation) in
            self.operations.of_agent(agent).filter(|(_, operation)| operation.info.id.is_some())
        {
            let status = v1::OperationStatus {
                operation_id: operation.info.id.clone(),
                state: state as i32,
                message: Some(message.to_owned()),
                agent_id: Some(agent.to_proto()),
                ..v1::OperationStatus::default()
            };
            let framework = operation.framework_id.as_ref().map(FrameworkId::from);
            self.pass_operation_status(framework.as_ref(), status, turn);
        }
    }

    /// Forgets the operations of an agent that is taken off the books: nobody could acknowledge them.
    pub(crate) fn remove_operations_of_agent(
        &mut self,
        agent: &AgentId,
        state: OperationState,
        turn: &mut Turn<'_>,
    ) {
        let keys: Vec<Key> = self.operations.of_agent(agent).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(operation) = self.operations.get(&key) {
                let kind = operation.info.r#type();
                turn.change(Change::Counted(Counter::OperationEntered(kind, state)));
            }
            self.remove_operation(&key, turn);
        }
    }

    /// Compares the operations that an agent has with those on the books: takes over those that are new to us, and asks
    /// for those that it did not name.
    ///
    /// Those that are new and have ended are asked for too. What the agent says may be older than an acknowledgement that
    /// we passed on and forgot the operation with; nobody would ever acknowledge it again. If so, the agent has forgotten
    /// it by the time that it is asked, and says so.
    pub(crate) fn reconcile_agent_operations(
        &mut self,
        agent: &AgentId,
        reported: Vec<v1::Operation>,
        turn: &mut Turn<'_>,
    ) {
        let mut named = std::collections::BTreeSet::new();
        let mut added = Vec::new();
        for operation in reported {
            let Some(uuid) = Uuid::from_slice(&operation.uuid.value) else { continue };
            named.insert(uuid);
            added.push(((agent.clone(), uuid), operation));
        }
        let mut asked: Vec<v1::Uuid> = self
            .operations
            .of_agent(agent)
            .filter(|((_, uuid), _)| !named.contains(uuid))
            .map(|(_, operation)| operation.uuid.clone())
            .collect();
        for (key, operation) in added {
            let Some(state) = operation_state(&operation.latest_status) else { continue };
            let (kind, uuid) = (operation.info.r#type(), operation.uuid.clone());
            if self.operations.add(key, operation) {
                turn.change(Change::Counted(Counter::OperationEntered(kind, state)));
                asked.extend(is_terminal_operation(state).then_some(uuid));
            }
        }
        let Some(host) = self.agents.registered.get(agent).filter(|_| !asked.is_empty()) else { return };
        let operations = asked.into_iter().map(|uuid| internal::reconcile_operations_message::Operation {
            operation_uuid: Some(uuid),
            ..internal::reconcile_operations_message::Operation::default()
        });
        let message =
            internal::ReconcileOperationsMessage { operations: operations.collect(), framework_id: None };
        turn.send(&host.pid, message);
    }
}
