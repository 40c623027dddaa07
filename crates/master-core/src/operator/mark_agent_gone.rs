//! `MARK_AGENT_GONE`: an agent is gone for ever, with all that ran there.

use tepui_proto::internal::registry::GoneSlave;
use tepui_proto::v1::OperationState;
use tepui_proto::{internal, v1};
use tepui_types::{AgentId, FrameworkId};

use super::refuse;
use crate::agent::{TaskFate, UnreachableAgent};
use crate::change::{AgentRemoval, Change, TaskAfterlife};
use crate::effect::{RejectionKind, Response};
use crate::input::RequestId;
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::turn::Turn;

const GONE: &str = "Agent has been marked gone";

impl Master {
    /// Marks an agent gone: first in the registry. That cannot be undone.
    pub(super) fn mark_agent_gone_call(&mut self, request: RequestId, id: &AgentId, turn: &mut Turn<'_>) {
        if self.agents.gone.contains_key(id) {
            return turn.respond(request, Response::Ok);
        }
        let busy = if self.agents.marking_gone.contains(id) {
            format!("Agent '{id}' is already being transitioned to gone")
        } else if self.is_being_removed(id) {
            format!("Agent '{id}' is being transitioned to removed")
        } else if self.is_leaving(id) {
            format!("Agent '{id}' is being transitioned to unreachable")
        } else if !self.is_in_registry(id) {
            return refuse(request, RejectionKind::NotFound, format!("Agent '{id}' not found"), turn);
        } else {
            return self.begin_marking_gone(id, Some(request), turn);
        };
        refuse(request, RejectionKind::Unavailable, busy, turn);
    }

    fn is_being_removed(&self, id: &AgentId) -> bool {
        self.pending.values().any(|pending| matches!(pending, Pending::Remove(removed, _) if removed == id))
    }

    /// Writes that an agent is gone; no news of it are heard any more.
    pub(super) fn begin_marking_gone(
        &mut self,
        id: &AgentId,
        request: Option<RequestId>,
        turn: &mut Turn<'_>,
    ) {
        self.agents.marking_gone.insert(id.clone());
        if let Some(agent) = self.agents.registered.get_mut(id) {
            agent.leaving = true;
        }
        let since = turn.now.wall.to_proto();
        let write = RegistryWrite::MarkGone(GoneSlave { id: id.to_proto(), timestamp: since });
        self.store(vec![write], Pending::MarkGone { id: id.clone(), since, request }, turn);
    }

    /// The registry holds that an agent is gone.
    pub(crate) fn marked_gone(
        &mut self,
        id: &AgentId,
        since: v1::TimeInfo,
        request: Option<RequestId>,
        turn: &mut Turn<'_>,
    ) {
        self.agents.marking_gone.remove(id);
        self.agents.gone.insert(id.clone(), since);
        if self.agents.recovered.remove(id).is_some() {
            let (id, why, at) = (id.clone(), AgentRemoval::Gone, turn.now.wall);
            turn.change(Change::AgentRemoved { id, why, at });
        } else if let Some(unreachable) = self.agents.unreachable.remove(id) {
            turn.change(Change::AgentReachable(id.clone()));
            self.end_unreachable_tasks(id, &unreachable, turn);
        } else if let Some(agent) = self.agents.registered.get(id) {
            turn.send(&agent.pid, internal::ShutdownMessage { message: Some(GONE.to_owned()) });
            self.send_operations_lost(id, OperationState::OperationGoneByOperator, GONE, turn);
            self.take_agent_off(id, &TaskFate::gone(GONE), AgentRemoval::Gone, turn);
        }
        if let Some(request) = request {
            turn.respond(request, Response::Ok);
        }
    }

    /// The tasks of an unreachable agent will never be reachable.
    fn end_unreachable_tasks(&mut self, id: &AgentId, agent: &UnreachableAgent, turn: &mut Turn<'_>) {
        for framework in &agent.frameworks {
            self.end_unreachable_tasks_of(id, framework, turn);
        }
    }

    fn end_unreachable_tasks_of(&mut self, id: &AgentId, framework: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(owner) = self.frameworks.registered.get_mut(framework) else { return };
        let partition_aware = owner.capabilities.partition_aware;
        let fate = TaskFate::gone(GONE);
        let tasks = owner.unreachable_tasks.take_all_of(id);
        for (task, known) in tasks {
            let state = fate.state(partition_aware);
            let status = fate.status(state, &task, id, known.executor.as_ref(), turn.now.wall);
            turn.change(Change::TaskUpdated {
                framework: framework.clone(),
                task: task.clone(),
                // A task that was told to be lost stays lost, because that is terminal.
                state: if known.lost { v1::TaskState::TaskLost } else { state },
                update: None,
                status: Some(Box::new(status.clone())),
                freed: None,
            });
            let (framework, to) = (framework.clone(), TaskAfterlife::Completed);
            turn.change(Change::TaskRemoved { framework: framework.clone(), task, to, freed: None });
            self.send_status(&framework, status, turn);
        }
    }
}
