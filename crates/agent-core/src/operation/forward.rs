//! Sends the statuses of operations to the master, and repeats them until they are acknowledged.

use std::time::Duration;

use tepui_proto::v1::OperationState;
use tepui_proto::{internal, v1};
use tepui_types::Uuid;

use crate::agent::{Agent, State};
use crate::effect::{Effect, Effects};
use crate::record::Record;
use crate::timers::Timer;

/// The first pause between two attempts, and the longest: those of updates of tasks.
pub(super) const RETRY_MIN: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_mins(10);

impl Agent {
    /// Stops repeating: no master listens.
    pub(crate) fn pause_operations(&mut self) {
        for uuid in self.operations.keys() {
            self.timers.cancel(&Timer::OperationRetry(*uuid));
        }
    }

    /// Sends what is not acknowledged: a master may not have heard of it.
    pub(crate) fn resume_operations(&mut self, effects: &mut Effects) {
        let pending: Vec<Uuid> = self.operations.keys().copied().collect();
        for uuid in pending {
            self.forward_operation(&uuid, RETRY_MIN, effects);
        }
    }

    /// Repeats a status that was not acknowledged in time.
    pub(crate) fn retry_operation(&mut self, uuid: &Uuid, effects: &mut Effects) {
        let Some(operation) = self.operations.get(uuid) else { return };
        let retry = operation.retry.saturating_mul(2).min(RETRY_MAX);
        self.forward_operation(uuid, retry, effects);
    }

    /// Sends the status of an operation, if a master listens.
    pub(super) fn forward_operation(&mut self, uuid: &Uuid, retry: Duration, effects: &mut Effects) {
        let (State::Running, Some(master)) = (self.state, self.master.clone()) else { return };
        let Some(operation) = self.operations.get_mut(uuid) else { return };
        operation.retry = retry;
        self.timers.set(Timer::OperationRetry(*uuid), self.now.time + retry);
        effects.push(Effect::SendLink { to: master, message: operation.update.clone().into() });
    }

    /// `AcknowledgeOperationStatusMessage`: the end of an operation is known to whoever wanted it.
    pub(crate) fn operation_acknowledgement(
        &mut self,
        message: &internal::AcknowledgeOperationStatusMessage,
        effects: &mut Effects,
    ) {
        let Some(uuid) = Uuid::from_slice(&message.operation_uuid.value) else { return };
        let Some(operation) = self.operations.get(&uuid) else { return };
        if operation.update.status.uuid.as_ref() == Some(&message.status_uuid) {
            self.operations.remove(&uuid);
            self.timers.cancel(&Timer::OperationRetry(uuid));
            effects.record(Record::OperationAcknowledged(uuid));
            self.drained_if_done(effects);
        }
    }

    /// `ReconcileOperationsMessage`: says how operations stand. Asked by a framework, those that we have; asked by the
    /// master, those that we do not have, so that it can let go of them.
    pub(crate) fn reconcile_operations(
        &self,
        message: internal::ReconcileOperationsMessage,
        effects: &mut Effects,
    ) {
        let (State::Running, Some(master), Some(id)) = (self.state, &self.master, &self.id) else { return };
        let by_framework = message.framework_id.is_some();
        for asked in message.operations {
            let known = self.operations.values().find(|operation| match &asked.operation_uuid {
                Some(uuid) => operation.entity.uuid == *uuid,
                None => {
                    by_framework
                        && operation.entity.framework_id == message.framework_id
                        && asked.operation_id.is_some()
                        && operation.entity.info.id == asked.operation_id
                }
            });
            let (status, operation_uuid) = match (known, by_framework) {
                (Some(known), true) => {
                    let status = v1::OperationStatus { uuid: None, ..known.entity.latest_status.clone() };
                    (status, Some(known.entity.uuid.clone()))
                }
                (None, false) => {
                    let status = v1::OperationStatus {
                        state: OperationState::OperationDropped as i32,
                        agent_id: Some(id.to_proto()),
                        ..v1::OperationStatus::default()
                    };
                    (status, asked.operation_uuid)
                }
                (Some(_), false) | (None, true) => continue,
            };
            let update = internal::UpdateOperationStatusMessage {
                framework_id: message.framework_id.clone(),
                slave_id: Some(id.to_proto()),
                status,
                latest_status: None,
                operation_uuid,
            };
            effects.push(Effect::SendLink { to: master.clone(), message: update.into() });
        }
    }
}
