//! The end of a framework: torn down, or not back in time.

use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::{internal, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId, WallTime};

use super::unreachable_tasks::UnreachableTask;
use crate::change::{Change, TaskAfterlife};
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::task::StatusDraft;
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// Removes a framework with all its tasks and executors. No updates are sent: there is nobody to read them.
    pub(crate) fn remove_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        self.remove_framework_then(id, Pending::Nothing, turn);
    }

    /// As [`Self::remove_framework`], and goes on with `then` when no later master will know the framework either.
    pub(crate) fn remove_framework_then(&mut self, id: &FrameworkId, then: Pending, turn: &mut Turn<'_>) {
        self.deactivate_framework(id, turn);
        self.end_peer(id, None, turn);
        self.timers.cancel(&Timer::Failover(id.clone()));
        self.remove_framework_from_agents(id, turn);
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        let tasks: Vec<TaskId> = framework.tasks.keys().cloned().collect();
        let unreachable = framework.unreachable_tasks.drain();
        let executors: Vec<(AgentId, ExecutorId)> = framework.executors.iter().cloned().collect();
        for task in tasks {
            self.kill_task_of_removed_framework(id, &task, turn);
        }
        for (task, known) in unreachable {
            complete_unreachable_task(id, &task, &known, turn);
        }
        for (agent, executor) in executors {
            self.remove_executor(&agent, id, &executor, turn);
        }
        self.frameworks.registered.remove(id);
        self.allocator.remove_framework(id);
        turn.change(Change::FrameworkCompleted { id: id.clone(), at: turn.now.wall });
        let mut writes = vec![RegistryWrite::RemoveFramework(id.clone(), turn.now.wall.to_proto())];
        if let Some(forgotten) = self.frameworks.completed.add(id.clone()) {
            writes.push(RegistryWrite::ForgetFramework(forgotten.clone()));
            turn.change(Change::FrameworkForgotten(forgotten));
        }
        self.store(writes, then, turn);
    }

    fn remove_framework_from_agents(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        for agent in std::mem::take(&mut framework.agents) {
            let Some(agent) = self.agents.registered.get_mut(&agent) else { continue };
            agent.frameworks.remove(id);
        }
        // An agent that is not connected is told when it re-registers with something of the framework.
        for agent in self.agents.registered.values().filter(|agent| agent.connected) {
            turn.send(&agent.pid, internal::ShutdownFrameworkMessage { framework_id: id.to_proto() });
        }
    }

    fn kill_task_of_removed_framework(&mut self, framework: &FrameworkId, id: &TaskId, turn: &mut Turn<'_>) {
        let Some(task) = self.frameworks.registered.get(framework).and_then(|owner| owner.tasks.get(id))
        else {
            return;
        };
        let status = killed(framework, id, &task.agent, task.executor.as_ref(), turn.now.wall);
        self.update_task(framework, id, status, None, turn);
        self.remove_task(framework, id, TaskAfterlife::Completed, turn);
    }
}

/// The status that readers see on the tasks of a removed framework.
fn killed(
    framework: &FrameworkId,
    id: &TaskId,
    agent: &AgentId,
    executor: Option<&ExecutorId>,
    now: WallTime,
) -> v1::TaskStatus {
    let draft = StatusDraft {
        state: TaskState::TaskKilled,
        reason: Reason::FrameworkRemoved,
        message: format!("Framework {framework} removed"),
    };
    draft.status_with_executor(id, agent, executor, now)
}

fn complete_unreachable_task(
    framework: &FrameworkId,
    id: &TaskId,
    task: &UnreachableTask,
    turn: &mut Turn<'_>,
) {
    let status = killed(framework, id, &task.agent, task.executor.as_ref(), turn.now.wall);
    // A task that was told to be lost stays lost, because that is terminal.
    let state = if task.lost { TaskState::TaskLost } else { TaskState::TaskKilled };
    turn.change(Change::TaskUpdated {
        framework: framework.clone(),
        task: id.clone(),
        state,
        update: None,
        status: Some(Box::new(status)),
        freed: None,
    });
    turn.change(Change::TaskRemoved {
        framework: framework.clone(),
        task: id.clone(),
        to: TaskAfterlife::Completed,
        freed: None,
    });
}
