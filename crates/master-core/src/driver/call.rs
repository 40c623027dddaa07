//! `mesos.scheduler.Call`: a driver calls.

use tepui_proto::v1::offer::operation::Type as OperationType;
use tepui_proto::v1::scheduler::call::Type;
use tepui_proto::{driver, v1};
use tepui_types::Upid;

use super::send_error;
use crate::change::{Change, Counter};
use crate::effect::Response;
use crate::master::Master;
use crate::turn::Turn;
use crate::validation;

const NO_FEEDBACK: &str = "The 'id' field was set in an offer operation, but operation feedback is not supported for \
                           the SchedulerDriver API; please use the HTTP scheduler API for this feature";

impl Master {
    /// Checks a driver's call and handles it like that of an HTTP scheduler. What is wrong with it is not answered.
    pub(crate) fn driver_call(&mut self, from: &Upid, call: driver::Call, turn: &mut Turn<'_>) {
        let force = call.subscribe.as_ref().and_then(|subscribe| subscribe.force).unwrap_or(false);
        let call = to_v1(call);
        if validation::call::validate(&call, None).is_err() {
            return count_invalid(call.r#type(), turn);
        }
        if call.r#type() == Type::Subscribe {
            if let Err(error) = validation::call_size::validate(&call) {
                return send_error(from, error, turn);
            }
            return self.driver_subscribe(from, call.subscribe.unwrap_or_default(), force, turn);
        }
        let id = call.framework_id.as_ref().and_then(|id| self.frameworks.find(id));
        if id.and_then(|id| self.framework_of_driver(&id, from)).is_some() {
            self.framework_call(from, call, turn);
        }
    }

    /// Handles a valid call of a framework's own driver.
    pub(super) fn framework_call(&mut self, from: &Upid, mut call: v1::scheduler::Call, turn: &mut Turn<'_>) {
        let kind = call.r#type();
        let id = call.framework_id.as_ref();
        let framework = id.and_then(|id| self.frameworks.registered.get(id.value.as_str()));
        let Some(framework) = framework else { return };
        turn.change(Change::Counted(Counter::Call(framework.id.clone(), kind)));
        if !framework.is_connected() {
            // We cannot reach it although it reaches us, and it has no other way to learn that.
            return send_error(from, "Framework disconnected", turn);
        }
        // Compat: drivers get no feedback on operations, so they have nothing to say about it.
        if matches!(kind, Type::AcknowledgeOperationStatus | Type::ReconcileOperations) {
            return;
        }
        if let Err(error) = validation::call_size::validate(&call) {
            return send_error(from, error, turn);
        }
        if let Some(accept) = &mut call.accept {
            refuse_feedback(accept, from, turn);
        }
        let response = self.handle_call(&mut call, turn);
        if let (Type::UpdateFramework, Response::Rejected(rejection)) = (kind, response) {
            send_error(from, rejection.message, turn);
        }
    }
}

/// The same call as HTTP schedulers make it. The two differ only in SUBSCRIBE.
fn to_v1(call: driver::Call) -> v1::scheduler::Call {
    let subscribe = call.subscribe.map(|subscribe| v1::scheduler::call::Subscribe {
        framework_info: subscribe.framework_info,
        suppressed_roles: subscribe.suppressed_roles,
        offer_constraints: subscribe.offer_constraints,
    });
    v1::scheduler::Call {
        framework_id: call.framework_id,
        r#type: call.r#type,
        subscribe,
        accept: call.accept,
        decline: call.decline,
        accept_inverse_offers: call.accept_inverse_offers,
        decline_inverse_offers: call.decline_inverse_offers,
        revive: call.revive,
        kill: call.kill,
        shutdown: call.shutdown,
        acknowledge: call.acknowledge,
        acknowledge_operation_status: call.acknowledge_operation_status,
        reconcile: call.reconcile,
        reconcile_operations: call.reconcile_operations,
        message: call.message,
        request: call.request,
        suppress: call.suppress,
        update_framework: call.update_framework,
    }
}

/// Takes out the operations that ask for feedback, and says that drivers get none. Tasks with an operation's id are
/// refused later, as they are for all.
fn refuse_feedback(accept: &mut v1::scheduler::call::Accept, from: &Upid, turn: &mut Turn<'_>) {
    accept.operations.retain(|operation| {
        let is_launch = matches!(operation.r#type(), OperationType::Launch | OperationType::LaunchGroup);
        let refused = operation.id.is_some() && !is_launch;
        if refused {
            send_error(from, NO_FEEDBACK, turn);
        }
        !refused
    });
}

/// Counts a call that is malformed, if there is a counter for its like.
fn count_invalid(kind: Type, turn: &mut Turn<'_>) {
    match kind {
        Type::Acknowledge => turn.count("master/invalid_status_update_acknowledgements"),
        Type::AcknowledgeOperationStatus => {
            turn.count("master/invalid_operation_status_update_acknowledgements");
        }
        Type::Message => turn.count("master/invalid_framework_to_executor_messages"),
        Type::Unknown
        | Type::Subscribe
        | Type::Teardown
        | Type::Accept
        | Type::Decline
        | Type::AcceptInverseOffers
        | Type::DeclineInverseOffers
        | Type::Revive
        | Type::Kill
        | Type::Shutdown
        | Type::Reconcile
        | Type::ReconcileOperations
        | Type::Request
        | Type::Suppress
        | Type::UpdateFramework => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_call_number_their_types_alike() {
        let names = (0..=17).map(|number| {
            let driver = driver::call::Type::try_from(number).unwrap().as_str_name();
            (driver, Type::try_from(number).unwrap().as_str_name())
        });
        for (driver, v1) in names {
            assert_eq!(driver, v1);
        }
    }
}
