//! The loss of an agent's connection, and the time that it has to come back.

use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId, Upid};

use super::Silence;
use crate::change::{Change, TaskAfterlife};
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::task::StatusDraft;
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// The connection to an agent broke.
    pub(crate) fn agent_link_broken(&mut self, peer: &Upid, turn: &mut Turn<'_>) {
        let Some(id) = self.agents.by_pid.get(peer).cloned() else { return };
        let Some(agent) = self.agents.registered.get_mut(&id) else { return };
        if !agent.connected {
            return;
        }
        agent.connected = false;
        self.deactivate_agent(&id, turn);
        self.lose_unsaved_frameworks(&id, turn);
        self.timers.set(Timer::Reregister(id), turn.now.time + self.config.agent_reregister_timeout);
    }

    /// Stops offering an agent's resources and rescinds what is offered.
    pub(crate) fn deactivate_agent(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get_mut(id) else { return };
        agent.active = false;
        turn.change(Change::AgentUpdated(agent.entity()));
        self.allocator.deactivate_agent(id);
        self.rescind_offers_of_agent(id, turn);
    }

    /// Publishes an agent's new state.
    pub(crate) fn publish_agent(&self, id: &AgentId, turn: &mut Turn<'_>) {
        if let Some(agent) = self.agents.registered.get(id) {
            turn.change(Change::AgentUpdated(agent.entity()));
        }
    }

    /// Rescinds all offers of an agent's resources, and the inverse offers that are about it.
    pub(crate) fn rescind_offers_of_agent(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let offers: Vec<OfferNumber> = agent.offers.iter().copied().collect();
        for number in offers {
            self.rescind_offer(number, turn);
        }
        self.rescind_inverse_offers_of_agent(id, turn);
    }

    /// Gives up what frameworks without checkpointing have on a disconnected agent: nothing of it survives there.
    fn lose_unsaved_frameworks(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let unsaved: Vec<FrameworkId> = agent
            .frameworks
            .iter()
            .filter(|framework| {
                let framework = self.frameworks.registered.get(*framework);
                framework.is_some_and(|framework| !framework.info.checkpoint.unwrap_or(false))
            })
            .cloned()
            .collect();
        for framework in unsaved {
            self.lose_framework_on_agent(id, &framework, turn);
        }
    }

    fn lose_framework_on_agent(&mut self, id: &AgentId, framework: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let tasks: Vec<TaskId> = agent.tasks_of(framework).cloned().collect();
        let executors: Vec<ExecutorId> =
            agent.executors_of(framework).map(|(executor, _)| executor.clone()).collect();
        let message = format!("Agent {} disconnected", agent.info.hostname);
        for task in tasks {
            let executor = self.task(framework, &task).and_then(|task| task.executor.clone());
            let draft = StatusDraft {
                state: TaskState::TaskLost,
                reason: Reason::AgentDisconnected,
                message: message.clone(),
            };
            let status = draft.status_with_executor(&task, id, executor.as_ref(), turn.now.wall);
            self.update_task(framework, &task, status.clone(), None, turn);
            self.remove_task(framework, &task, TaskAfterlife::Completed, turn);
            self.send_status(framework, status, turn);
        }
        for executor in executors {
            self.remove_executor(id, framework, &executor, turn);
        }
    }

    /// A disconnected agent did not come back in time.
    pub(crate) fn reregister_timeout(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        if agent.connected {
            return;
        }
        self.schedule_unreachable(id, Silence::Disconnected, turn);
    }
}
