//! What a framework is told.

use std::sync::Arc;

use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::{AgentId, ExecutorId, Upid};

use super::{Framework, Peer};
use crate::change::{Change, Counter};
use crate::driver::message::message;
use crate::effect::Effect;
use crate::turn::Turn;

/// The interval that SUBSCRIBED announces.
pub(crate) const HEARTBEAT_SECONDS: u64 = 15;

impl Framework {
    /// Sends an event, if the framework is connected.
    pub(crate) fn send(&self, turn: &mut Turn<'_>, event: Event) {
        self.send_from(None, turn, event);
    }

    /// Sends an event that comes from an agent or, if there is none, from the master itself.
    fn send_from(&self, agent: Option<&Upid>, turn: &mut Turn<'_>, event: Event) {
        let Some(peer) = self.peer() else { return };
        let kind = event.r#type();
        match peer {
            Peer::Http { stream, .. } => {
                self.count_event(kind, turn);
                turn.push(Effect::SendEvent { stream: *stream, event: Arc::new(event) });
            }
            Peer::Driver(pid) => {
                let Some(message) = message(&self.id, event, agent) else { return };
                self.count_event(kind, turn);
                turn.send(pid, message);
            }
        }
    }

    /// Counts an event that is sent.
    pub(crate) fn count_event(&self, kind: event::Type, turn: &mut Turn<'_>) {
        turn.change(Change::Counted(Counter::Event(self.id.clone(), kind)));
    }

    /// Sends a task's status that the master made.
    pub(crate) fn send_status(&self, turn: &mut Turn<'_>, status: v1::TaskStatus) {
        let update = Some(event::Update { status });
        self.send(turn, Event { update, ..of(event::Type::Update) });
    }

    /// Passes on a task's status of an agent, which repeats it until it is acknowledged.
    pub(crate) fn forward_status(&self, turn: &mut Turn<'_>, status: v1::TaskStatus, agent: &Upid) {
        let update = Some(event::Update { status });
        self.send_from(Some(agent), turn, Event { update, ..of(event::Type::Update) });
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
