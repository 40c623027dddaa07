//! What a framework is told.

use std::sync::Arc;

use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::{AgentId, ExecutorId};

use super::{Framework, Peer};
use crate::change::{Change, Counter};
use crate::effect::Effect;
use crate::turn::Turn;

/// The interval that SUBSCRIBED announces.
pub(crate) const HEARTBEAT_SECONDS: u64 = 15;

impl Framework {
    /// Sends an event, if the framework is connected.
    pub(crate) fn send(&self, turn: &mut Turn<'_>, event: Event) {
        let Some(peer) = self.peer() else { return };
        turn.change(Change::Counted(Counter::Event(self.id.clone(), event.r#type())));
        match peer {
            Peer::Http { stream, .. } => {
                turn.push(Effect::SendEvent { stream: *stream, event: Arc::new(event) });
            }
        }
    }

    /// Sends a task's status.
    pub(crate) fn send_status(&self, turn: &mut Turn<'_>, status: v1::TaskStatus) {
        let update = Some(event::Update { status });
        self.send(turn, Event { update, ..of(event::Type::Update) });
    }

    /// Sends an operation's status.
    pub(crate) fn send_operation_status(&self, turn: &mut Turn<'_>, status: v1::OperationStatus) {
        let update_operation_status = Some(event::UpdateOperationStatus { status });
        self.send(turn, Event { update_operation_status, ..of(event::Type::UpdateOperationStatus) });
    }

    /// Tells that an agent is lost.
    pub(crate) fn send_agent_lost(&self, turn: &mut Turn<'_>, agent: &AgentId) {
        let failure =
            Some(event::Failure { agent_id: Some(agent.to_proto()), executor_id: None, status: None });
        self.send(turn, Event { failure, ..of(event::Type::Failure) });
    }

    /// Tells that an executor ended.
    pub(crate) fn send_executor_lost(
        &self,
        turn: &mut Turn<'_>,
        agent: &AgentId,
        executor: &ExecutorId,
        status: i32,
    ) {
        let failure = Some(event::Failure {
            agent_id: Some(agent.to_proto()),
            executor_id: Some(executor.to_proto()),
            status: Some(status),
        });
        self.send(turn, Event { failure, ..of(event::Type::Failure) });
    }
}

/// An event of this type, without its content.
pub(crate) fn of(kind: event::Type) -> Event {
    Event { r#type: Some(kind as i32), ..Event::default() }
}

/// The event before a stream that we end is closed.
pub(crate) fn error(message: String) -> Event {
    Event { error: Some(event::Error { message }), ..of(event::Type::Error) }
}
