//! Adding and removing an agent's executors.

use std::time::Duration;

use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, Resources};

use super::Executor;
use crate::change::Change;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Adds an executor. The allocator already counts its resources as used.
    pub(crate) fn add_executor(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        info: Raw<v1::ExecutorInfo>,
        resources: Resources,
        turn: &mut Turn<'_>,
    ) {
        let id = ExecutorId::from(&info.executor_id);
        let Some(host) = self.agents.registered.get_mut(agent) else { return };
        turn.change(Change::ExecutorAdded {
            agent: agent.clone(),
            framework: framework.clone(),
            info: Box::new(info.clone()),
        });
        host.executors.insert((framework.clone(), id.clone()), Executor { info, resources });
        if let Some(owner) = self.frameworks.registered.get_mut(framework) {
            owner.executors.insert((agent.clone(), id));
        }
        self.connect_framework_and_agent(framework, agent);
    }

    /// Removes an executor and frees its resources; says whether it was there.
    pub(crate) fn remove_executor(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        id: &ExecutorId,
        turn: &mut Turn<'_>,
    ) -> bool {
        self.release_executor(agent, framework, id, None, turn)
    }

    /// Removes an executor; its resources are refused for a while, if so said.
    pub(crate) fn release_executor(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        id: &ExecutorId,
        refuse: Option<Duration>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(host) = self.agents.registered.get_mut(agent) else { return false };
        let Some(executor) = host.executors.remove(&(framework.clone(), id.clone())) else { return false };
        self.allocator.recover(turn.now.time, framework, agent, &executor.resources, refuse);
        if let Some(owner) = self.frameworks.registered.get_mut(framework) {
            owner.executors.remove(&(agent.clone(), id.clone()));
        }
        turn.change(Change::ExecutorRemoved {
            agent: agent.clone(),
            framework: framework.clone(),
            executor: id.clone(),
        });
        true
    }
}
