//! The orderly end of an agent: it unregistered, or another one came from its address.

use tepui_proto::v1;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{OperationState, TaskState};
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId, WallTime};

use crate::change::{AgentRemoval, Change, TaskAfterlife};
use crate::effect::Effect;
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::task::StatusDraft;
use crate::timers::Timer;
use crate::turn::Turn;

/// Why an agent is removed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// It said goodbye.
    Unregistered,
    /// A new agent registers from its address.
    Replaced,
}

impl Removal {
    fn cause(self) -> &'static str {
        match self {
            Self::Unregistered => "the agent unregistered",
            Self::Replaced => "a new agent registered at the same address",
        }
    }

    fn metric(self) -> &'static str {
        match self {
            Self::Unregistered => "master/slave_removals/reason_unregistered",
            Self::Replaced => "master/slave_removals/reason_registered",
        }
    }

    fn change(self) -> AgentRemoval {
        match self {
            Self::Unregistered => AgentRemoval::Unregistered,
            Self::Replaced => AgentRemoval::Replaced,
        }
    }
}

/// What the tasks of an agent become when it is taken off the books.
#[derive(Clone, Copy)]
pub(crate) struct TaskFate<'a> {
    message: &'a str,
    end: End,
}

/// How an agent ended.
#[derive(Clone, Copy)]
enum End {
    Unreachable(v1::TimeInfo),
    Removed,
    /// An operator said so.
    Gone,
}

impl<'a> TaskFate<'a> {
    /// The agent is unreachable since then.
    pub(crate) fn unreachable(message: &'a str, since: v1::TimeInfo) -> Self {
        Self { message, end: End::Unreachable(since) }
    }

    /// The agent has ended or was replaced.
    fn removed(message: &'a str) -> Self {
        Self { message, end: End::Removed }
    }

    /// An operator says that the agent is gone for ever.
    pub(crate) fn gone(message: &'a str) -> Self {
        Self { message, end: End::Gone }
    }

    fn is_unreachable(&self) -> bool {
        matches!(self.end, End::Unreachable(_))
    }

    fn operation_state(&self) -> OperationState {
        if self.is_unreachable() {
            OperationState::OperationUnreachable
        } else {
            OperationState::OperationGoneByOperator
        }
    }

    /// The state that a framework is told.
    pub(crate) fn state(&self, partition_aware: bool) -> TaskState {
        match self.end {
            End::Unreachable(_) if partition_aware => TaskState::TaskUnreachable,
            End::Gone if partition_aware => TaskState::TaskGoneByOperator,
            End::Unreachable(_) | End::Removed | End::Gone => TaskState::TaskLost,
        }
    }

    /// The status that a framework is told.
    pub(crate) fn status(
        &self,
        state: TaskState,
        task: &TaskId,
        agent: &AgentId,
        executor: Option<&ExecutorId>,
        now: WallTime,
    ) -> v1::TaskStatus {
        let reason = if state == TaskState::TaskGoneByOperator {
            Reason::AgentRemovedByOperator
        } else {
            Reason::AgentRemoved
        };
        let draft = StatusDraft { state, reason, message: self.message.to_owned() };
        let status = draft.status_with_executor(task, agent, executor, now);
        let unreachable_time = match self.end {
            End::Unreachable(since) => Some(since),
            End::Removed | End::Gone => None,
        };
        v1::TaskStatus { unreachable_time, ..status }
    }
}

impl Master {
    /// Begins to remove an agent: first from the registry.
    pub(crate) fn begin_removal(&mut self, id: &AgentId, removal: Removal, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get_mut(id).filter(|agent| !agent.leaving) else { return };
        agent.leaving = true;
        let write = RegistryWrite::RemoveAgent(id.clone());
        self.store(vec![write], Pending::Remove(id.clone(), removal), turn);
    }

    /// The registry has forgotten an agent.
    pub(crate) fn removed(&mut self, id: &AgentId, removal: Removal, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        turn.count("master/slave_removals");
        turn.count(removal.metric());
        let message = format!("Agent {} removed: {}", agent.info.hostname, removal.cause());
        let fate = TaskFate::removed(&message);
        self.take_agent_off(id, &fate, removal.change(), turn);
    }

    /// Takes an agent off the books, with its tasks, executors and offers, and tells the frameworks.
    pub(crate) fn take_agent_off(
        &mut self,
        id: &AgentId,
        fate: &TaskFate<'_>,
        why: AgentRemoval,
        turn: &mut Turn<'_>,
    ) {
        self.allocator.remove_agent(id);
        let Some(agent) = self.agents.registered.get(id) else { return };
        let tasks: Vec<(FrameworkId, TaskId)> = agent.tasks.iter().cloned().collect();
        let executors: Vec<(FrameworkId, ExecutorId)> = agent.executors.keys().cloned().collect();
        for (framework, task) in tasks {
            self.end_task_of_removed_agent(id, &framework, &task, fate, turn);
        }
        for (framework, executor) in executors {
            self.remove_executor(id, &framework, &executor, turn);
        }
        self.rescind_offers_of_agent(id, turn);
        self.remove_operations_of_agent(id, fate.operation_state(), turn);
        let Some(agent) = self.agents.registered.remove(id) else { return };
        for framework in &agent.frameworks {
            if let Some(framework) = self.frameworks.registered.get_mut(framework) {
                framework.agents.remove(id);
            }
        }
        // A new agent may already have taken over the address.
        if self.agents.by_pid.get(&agent.pid) == Some(id) {
            self.agents.by_pid.remove(&agent.pid);
            turn.push(Effect::CloseLink(agent.pid.clone()));
        }
        self.agents.observers.remove(&agent.observer.number);
        self.timers.cancel(&Timer::Ping(id.clone()));
        self.timers.cancel(&Timer::Reregister(id.clone()));
        turn.change(Change::AgentRemoved { id: id.clone(), why, at: turn.now.wall });
        self.send_agent_lost(id, turn);
    }

    fn end_task_of_removed_agent(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        task: &TaskId,
        fate: &TaskFate<'_>,
        turn: &mut Turn<'_>,
    ) {
        let Some(owner) = self.frameworks.registered.get(framework) else { return };
        let state = fate.state(owner.capabilities.partition_aware);
        let executor = owner.tasks.get(task).and_then(|task| task.executor.clone());
        let status = fate.status(state, task, agent, executor.as_ref(), turn.now.wall);
        self.update_task(framework, task, status.clone(), None, turn);
        let to = if fate.is_unreachable() { TaskAfterlife::Unreachable } else { TaskAfterlife::Completed };
        self.remove_task(framework, task, to, turn);
        self.send_status(framework, status, turn);
    }

    /// Tells all frameworks that an agent is lost, whether they had anything there or not.
    pub(crate) fn send_agent_lost(&self, id: &AgentId, turn: &mut Turn<'_>) {
        for framework in self.frameworks.registered.values() {
            framework.send_agent_lost(turn, id);
        }
    }
}
