//! KILL: a task is to end.

use tepui_proto::internal;
use tepui_proto::v1::scheduler::call;
use tepui_types::{FrameworkId, TaskId};

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Tells the task's agent. A task that is not known is reconciled instead.
    pub(crate) fn kill(&mut self, framework: &FrameworkId, kill: call::Kill, turn: &mut Turn<'_>) {
        turn.count("master/messages_kill_task");
        let id = TaskId::from(&kill.task_id);
        let Some(task) = self.task(framework, &id) else {
            let task = call::reconcile::Task { task_id: kill.task_id, agent_id: kill.agent_id };
            return self.reconcile(framework, &call::Reconcile { tasks: vec![task] }, turn);
        };
        if kill.agent_id.is_some_and(|agent| agent.value != task.agent.as_str()) {
            return;
        }
        let agent = task.agent.clone();
        let Some(agent) = self.agents.registered.get_mut(&agent) else { return };
        // An agent that is disconnected is told when it is back.
        agent.killed.insert((framework.clone(), id));
        if agent.connected {
            let message = internal::KillTaskMessage {
                framework_id: framework.to_proto(),
                task_id: kill.task_id,
                kill_policy: kill.kill_policy,
            };
            turn.send(&agent.pid, message);
        }
    }
}
