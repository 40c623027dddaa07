//! RECONCILE: a framework asks what became of its tasks.

use tepui_proto::v1;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::task_status::Reason;
use tepui_types::{AgentId, FrameworkId, TaskId, WallTime};

use crate::framework::Framework;
use crate::master::{Agents, Master};
use crate::task::StatusDraft;
use crate::turn::Turn;

impl Master {
    /// Tells the states of the named tasks, or of all tasks on agents if none is named.
    pub(crate) fn reconcile(
        &self,
        framework: &FrameworkId,
        reconcile: &call::Reconcile,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_reconcile_tasks");
        let Some(framework) = self.frameworks.registered.get(framework) else { return };
        if reconcile.tasks.is_empty() {
            for (id, task) in &framework.tasks {
                framework.send_status(turn, task.reconciliation(id, turn.now.wall));
            }
        }
        for asked in &reconcile.tasks {
            let id = TaskId::from(&asked.task_id);
            let agent = asked.agent_id.as_ref().map(AgentId::from);
            let answer = match framework.tasks.get(&id) {
                Some(task) => Some(task.reconciliation(&id, turn.now.wall)),
                None => unknown_task(framework, &self.agents, &id, agent.as_ref(), turn.now.wall),
            };
            if let Some(status) = answer {
                framework.send_status(turn, status);
            }
        }
    }
}

/// What is said of a task that is on no agent that we know. Nothing, while its agent may still bring it.
fn unknown_task(
    framework: &Framework,
    agents: &Agents,
    id: &TaskId,
    agent: Option<&AgentId>,
    now: WallTime,
) -> Option<v1::TaskStatus> {
    let awaited = match agent {
        Some(agent) => agents.recovered.contains_key(agent),
        None => !agents.recovered.is_empty(),
    };
    if awaited {
        return None;
    }
    let unreachable = agent.and_then(|agent| agents.unreachable.get(agent)).map(|agent| agent.since);
    let (state, message, unreachable_time) =
        if agent.is_some_and(|agent| agents.registered.contains_key(agent)) {
            (TaskState::TaskGone, "Reconciliation: Task is unknown to the agent", None)
        } else if unreachable.is_some() {
            (TaskState::TaskUnreachable, "Reconciliation: Task is unreachable", unreachable)
        } else if agent.is_some_and(|agent| agents.gone.contains_key(agent)) {
            (TaskState::TaskGoneByOperator, "Reconciliation: Task is gone", None)
        } else {
            (TaskState::TaskUnknown, "Reconciliation: Task is unknown", None)
        };
    let state = if framework.capabilities.partition_aware { state } else { TaskState::TaskLost };
    let draft = StatusDraft { state, reason: Reason::Reconciliation, message: message.to_owned() };
    Some(v1::TaskStatus { unreachable_time, ..draft.status(id, agent, now) })
}
