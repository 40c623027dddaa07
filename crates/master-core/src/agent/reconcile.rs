//! Comparing what the master and a registered agent believe that the agent runs.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::internal;
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId};

use super::connection;
use super::report::Report;
use super::reregister::{is_running, kill, question};
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Asks a re-registered agent about tasks that it does not know, forgets executors that it does not know, and has it
    /// kill what should not run.
    pub(crate) fn reconcile_agent(&mut self, id: &AgentId, report: &Report, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let pid = agent.pid.clone();
        let reported: BTreeSet<(&FrameworkId, &TaskId)> =
            report.tasks.iter().map(|task| (&task.framework, &task.id)).collect();
        let mut questions: BTreeMap<&FrameworkId, internal::ReconcileTasksMessage> = BTreeMap::new();
        for (framework, task) in &agent.tasks {
            if reported.contains(&(framework, task)) {
                continue;
            }
            let Some(owner) = self.frameworks.registered.get(framework) else { continue };
            let Some(known) = owner.tasks.get(task) else { continue };
            let entry = questions.entry(framework).or_insert_with(|| internal::ReconcileTasksMessage {
                framework_id: framework.to_proto(),
                statuses: Vec::new(),
                framework: Some(owner.info.clone()),
            });
            entry.statuses.push(question(task, id, known.reconciled_state(), turn.now.wall));
        }
        let message = internal::SlaveReregisteredMessage {
            slave_id: id.to_proto(),
            reconciliations: questions.into_values().collect(),
            connection: Some(connection(&self.config)),
        };
        turn.send(&pid, message);
        self.forget_missing_executors(id, report, turn);
        self.kill_unwanted_tasks(id, report, turn);
    }

    fn forget_missing_executors(&mut self, id: &AgentId, report: &Report, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let reported: BTreeSet<(&FrameworkId, &ExecutorId)> =
            report.executors.iter().map(|executor| (&executor.framework, &executor.id)).collect();
        let missing: Vec<(FrameworkId, ExecutorId)> = agent
            .executors
            .keys()
            .filter(|(framework, executor)| !reported.contains(&(framework, executor)))
            .cloned()
            .collect();
        for (framework, executor) in missing {
            self.remove_executor(id, &framework, &executor, turn);
        }
    }

    /// Kills tasks whose kill the agent missed, and those that were told to be lost when it was disconnected; shuts down
    /// removed frameworks.
    fn kill_unwanted_tasks(&mut self, id: &AgentId, report: &Report, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        for task in report.tasks.iter().filter(|task| is_running(task.task.state)) {
            if self.frameworks.completed.contains(&task.framework) {
                continue;
            }
            let key = (task.framework.clone(), task.id.clone());
            // Mesos lets the lost ones run on, outside of all accounts.
            if agent.killed.contains(&key) || !agent.tasks.contains(&key) {
                turn.send(&agent.pid, kill(&task.framework, &task.id));
            }
        }
        for framework in
            report.frameworks.keys().filter(|framework| self.frameworks.completed.contains(framework))
        {
            turn.send(&agent.pid, internal::ShutdownFrameworkMessage { framework_id: framework.to_proto() });
        }
    }
}
