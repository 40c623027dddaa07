//! The messages that drivers of before 0.24 send in place of calls.
//!
//! Compat: Mesos takes most of them from disconnected drivers too. We tell those what they would be told if they called.

use tepui_proto::v1::scheduler::Call;
use tepui_proto::v1::scheduler::call::{self, Type};
use tepui_proto::{internal, v1};
use tepui_types::{FrameworkId, Upid, Uuid};

use super::send_error;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// `RegisterFrameworkMessage`: a driver comes for the first time.
    pub(crate) fn driver_register(
        &mut self,
        from: &Upid,
        message: internal::RegisterFrameworkMessage,
        turn: &mut Turn<'_>,
    ) {
        if has_id(&message.framework) {
            return send_error(from, "Registering with 'id' already set", turn);
        }
        self.driver_subscribe(from, subscribe(message.framework), false, turn);
    }

    /// `ReregisterFrameworkMessage`: a driver comes again, or in the place of another.
    pub(crate) fn driver_reregister(
        &mut self,
        from: &Upid,
        message: internal::ReregisterFrameworkMessage,
        turn: &mut Turn<'_>,
    ) {
        if !has_id(&message.framework) {
            return send_error(from, "Re-registering without an 'id'", turn);
        }
        self.driver_subscribe(from, subscribe(message.framework), message.failover, turn);
    }

    /// `UnregisterFrameworkMessage`: TEARDOWN.
    pub(crate) fn driver_unregister(
        &mut self,
        from: &Upid,
        message: internal::UnregisterFrameworkMessage,
        turn: &mut Turn<'_>,
    ) {
        self.legacy_call(from, of(message.framework_id, Type::Teardown), turn);
    }

    /// `ResourceRequestMessage`: REQUEST.
    pub(crate) fn driver_request(
        &mut self,
        from: &Upid,
        message: internal::ResourceRequestMessage,
        turn: &mut Turn<'_>,
    ) {
        let request = Some(call::Request { requests: message.requests });
        self.legacy_call(from, Call { request, ..of(message.framework_id, Type::Request) }, turn);
    }

    /// `LaunchTasksMessage`: ACCEPT; without tasks it is DECLINE.
    pub(crate) fn driver_launch(
        &mut self,
        from: &Upid,
        message: internal::LaunchTasksMessage,
        turn: &mut Turn<'_>,
    ) {
        let internal::LaunchTasksMessage { framework_id, tasks, filters, offer_ids } = message;
        let filters = Some(filters);
        let call = if tasks.is_empty() {
            let decline = Some(call::Decline { offer_ids, filters });
            Call { decline, ..of(framework_id, Type::Decline) }
        } else {
            let launch = v1::offer::Operation {
                r#type: Some(v1::offer::operation::Type::Launch as i32),
                launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
                ..v1::offer::Operation::default()
            };
            let accept = Some(call::Accept { offer_ids, operations: vec![launch], filters });
            Call { accept, ..of(framework_id, Type::Accept) }
        };
        self.legacy_call(from, call, turn);
    }

    /// `ReviveOffersMessage`: REVIVE.
    pub(crate) fn driver_revive(
        &mut self,
        from: &Upid,
        message: internal::ReviveOffersMessage,
        turn: &mut Turn<'_>,
    ) {
        let revive = Some(call::Revive { roles: message.roles });
        self.legacy_call(from, Call { revive, ..of(message.framework_id, Type::Revive) }, turn);
    }

    /// `KillTaskMessage`: KILL, without the kill policy that only calls may have.
    pub(crate) fn driver_kill(
        &mut self,
        from: &Upid,
        message: internal::KillTaskMessage,
        turn: &mut Turn<'_>,
    ) {
        let kill = Some(call::Kill { task_id: message.task_id, ..call::Kill::default() });
        self.legacy_call(from, Call { kill, ..of(message.framework_id, Type::Kill) }, turn);
    }

    /// `StatusUpdateAcknowledgementMessage`: ACKNOWLEDGE.
    pub(crate) fn driver_acknowledge(
        &mut self,
        from: &Upid,
        message: internal::StatusUpdateAcknowledgementMessage,
        turn: &mut Turn<'_>,
    ) {
        let internal::StatusUpdateAcknowledgementMessage { slave_id, framework_id, task_id, uuid } = message;
        let known = Uuid::from_slice(&uuid).is_some();
        let acknowledge = Some(call::Acknowledge { agent_id: slave_id, task_id, uuid });
        let call = Call { acknowledge, ..of(framework_id, Type::Acknowledge) };
        if !known || !self.legacy_call(from, call, turn) {
            turn.count("master/invalid_status_update_acknowledgements");
        }
    }

    /// `FrameworkToExecutorMessage`: MESSAGE.
    pub(crate) fn driver_message(
        &mut self,
        from: &Upid,
        message: internal::FrameworkToExecutorMessage,
        turn: &mut Turn<'_>,
    ) {
        let internal::FrameworkToExecutorMessage { slave_id, framework_id, executor_id, data } = message;
        let message = Some(call::Message { agent_id: slave_id, executor_id, data });
        if !self.legacy_call(from, Call { message, ..of(framework_id, Type::Message) }, turn) {
            turn.count("master/invalid_framework_to_executor_messages");
        }
    }

    /// `ReconcileTasksMessage`: RECONCILE. The states that it tells are not looked at.
    pub(crate) fn driver_reconcile(
        &mut self,
        from: &Upid,
        message: internal::ReconcileTasksMessage,
        turn: &mut Turn<'_>,
    ) {
        let asked = message.statuses.into_iter();
        let tasks = asked
            .map(|status| call::reconcile::Task { task_id: status.task_id, agent_id: status.agent_id })
            .collect();
        let reconcile = Some(call::Reconcile { tasks });
        self.legacy_call(from, Call { reconcile, ..of(message.framework_id, Type::Reconcile) }, turn);
    }

    /// Handles what a message means, if the framework's driver sent it; tells whether it did.
    fn legacy_call(&mut self, from: &Upid, call: Call, turn: &mut Turn<'_>) -> bool {
        let id = call.framework_id.as_ref().map(FrameworkId::from);
        let own = id.and_then(|id| self.framework_of_driver(&id, from)).is_some();
        if own {
            self.framework_call(from, call, turn);
        }
        own
    }
}

fn has_id(info: &v1::FrameworkInfo) -> bool {
    info.id.as_ref().is_some_and(|id| !id.value.is_empty())
}

fn subscribe(framework_info: v1::FrameworkInfo) -> call::Subscribe {
    call::Subscribe { framework_info, ..call::Subscribe::default() }
}

/// A call of this type, without its content.
fn of(framework: v1::FrameworkId, kind: Type) -> Call {
    Call { framework_id: Some(framework), r#type: Some(kind as i32), ..Call::default() }
}
