//! `ReregisterSlaveMessage`: an agent that this or an earlier master admitted comes back.
//!
//! - One that is registered here only had its connection broken: both sides compare what they know.
//! - One that is not (recovered, unreachable or unknown) brings all that is known of its tasks.

use std::collections::BTreeSet;

use tepui_proto::v1::TaskState;
use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::{internal, v1};
use tepui_types::{AgentId, FrameworkId, Upid};

use super::register::MACHINE_DOWN;
use super::report::{Report, ReportedTask};
use super::unreachable::UnreachableAgent;
use super::{AgentDescription, Capabilities, Removal, connection};
use crate::change::{Change, FrameworkNews, TaskAfterlife};
use crate::effect::Effect;
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::task::StatusDraft;
use crate::timers::Timer;
use crate::turn::Turn;
use crate::validation;

/// A re-registration that was checked, and may wait for the registry.
#[derive(Debug)]
pub(crate) struct Reregistration {
    pub(crate) id: AgentId,
    pub(crate) agent: AgentDescription,
    pub(crate) report: Report,
}

impl Master {
    /// Checks the message and makes the registry hold the agent as it is now.
    pub(crate) fn reregister(
        &mut self,
        from: &Upid,
        message: internal::ReregisterSlaveMessage,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_reregister_slave");
        let Some(id) = message.slave.id.as_ref().map(AgentId::from) else { return };
        if self.maintenance.is_down(&message.slave, from) {
            return shut_down(from, MACHINE_DOWN, turn);
        }
        if self.agents.reregistering.contains(&id) {
            self.renew_reregistration(id, from, message);
            return;
        }
        if self.registry_is_busy() {
            return;
        }
        if self.agents.gone.contains_key(&id) {
            shut_down(from, "Agent has been marked gone", turn);
            return;
        }
        if self.agents.marking_gone.contains(&id) {
            return;
        }
        let reregistration = match self.read_reregistration(id, from, message) {
            Ok(reregistration) => reregistration,
            Err(error) => {
                tracing::debug!(%from, error, "dropping the re-registration of an agent");
                return;
            }
        };
        if let Some(agent) = self.agents.registered.get(&reregistration.id) {
            if agent.leaving {
                return;
            }
            if agent.pid.address.ip() != from.address.ip()
                || agent.info.hostname != reregistration.agent.info.hostname
            {
                shut_down(from, "Agent attempted to reregister with different IP / hostname", turn);
                return;
            }
        }
        // Whoever was at that address before is not there any more.
        if let Some(other) =
            self.agents.by_pid.get(from).filter(|other| **other != reregistration.id).cloned()
        {
            self.begin_removal(&other, Removal::Replaced, turn);
        }
        self.admit(reregistration, turn);
    }

    /// An agent repeats itself while the registry is written. What it says now counts: it may have changed since.
    fn renew_reregistration(&mut self, id: AgentId, from: &Upid, message: internal::ReregisterSlaveMessage) {
        let Ok(newer) = self.read_reregistration(id, from, message) else { return };
        if let Some(pending) = self.pending_reregistration(&newer.id)
            && pending.agent.info == newer.agent.info
        {
            *pending = newer;
        }
    }

    /// The re-registration of an agent that waits for the registry.
    pub(crate) fn pending_reregistration(&mut self, id: &AgentId) -> Option<&mut Reregistration> {
        self.pending.values_mut().find_map(|pending| match pending {
            Pending::Reregister(pending) if pending.id == *id => Some(pending.as_mut()),
            Pending::Reregister(_)
            | Pending::Register(_)
            | Pending::MarkUnreachable(_)
            | Pending::Remove(..)
            | Pending::Prune(_)
            | Pending::Decide(..)
            | Pending::MarkGone { .. }
            | Pending::Maintain { .. }
            | Pending::Answer(..)
            | Pending::Nothing => None,
        })
    }

    fn read_reregistration(
        &self,
        id: AgentId,
        from: &Upid,
        mut message: internal::ReregisterSlaveMessage,
    ) -> Result<Reregistration, String> {
        let version = message.version.take().unwrap_or_default();
        tepui_types::validate_id(id.as_str()).map_err(|error| error.to_string())?;
        validation::agent::validate_version(&version)?;
        validation::agent::validate_domain(message.slave.domain.as_ref(), &self.config)?;
        let total = validation::agent::total(&message.slave, &message.checkpointed_resources)?;
        if self.agents.leaving_recovered.contains(&id) {
            return Err("it is being marked unreachable".to_owned());
        }
        let report = Report::read(&id, &mut message, &self.frameworks)?;
        let agent = AgentDescription {
            info: message.slave,
            pid: from.clone(),
            version,
            capabilities: Capabilities::of(&message.agent_capabilities),
            total,
            checkpointed: message.checkpointed_resources,
            resource_version: message.resource_version_uuid,
        };
        Ok(Reregistration { id, agent, report })
    }

    /// Goes on at once if the registry already holds just this.
    fn admit(&mut self, reregistration: Reregistration, turn: &mut Turn<'_>) {
        let Reregistration { id, agent, .. } = &reregistration;
        let (registered, recovered) = (self.agents.registered.get(id), self.agents.recovered.get(id));
        let is_held = registered.map(|known| known.info.says(&agent.info));
        let is_held = is_held.or_else(|| recovered.map(|row| row.info == agent.info));
        if is_held == Some(true) {
            self.reregistered(reregistration, turn);
            return;
        }
        let row = self.standing_of(id).row(&agent.info);
        let write = match is_held {
            Some(_) => RegistryWrite::AdmitAgent(row),
            None => RegistryWrite::MarkReachable(row),
        };
        self.agents.reregistering.insert(id.clone());
        self.store(vec![write], Pending::Reregister(Box::new(reregistration)), turn);
    }

    /// The registry holds the agent.
    pub(crate) fn reregistered(&mut self, reregistration: Reregistration, turn: &mut Turn<'_>) {
        self.agents.reregistering.remove(&reregistration.id);
        if self.agents.registered.contains_key(&reregistration.id) {
            self.reregister_known(reregistration, turn);
        } else {
            self.reregister_unknown(reregistration, turn);
        }
    }

    /// An agent that is on the books lost its connection, or believes so.
    fn reregister_known(&mut self, reregistration: Reregistration, turn: &mut Turn<'_>) {
        let Reregistration { id, agent: description, report } = reregistration;
        let Some(agent) = self.agents.registered.get_mut(&id) else { return };
        if agent.pid != description.pid {
            turn.push(Effect::CloseLink(agent.pid.clone()));
            self.agents.by_pid.remove(&agent.pid);
            self.take_over_address(&id, &description.pid, turn);
        }
        let Some(agent) = self.agents.registered.get_mut(&id) else { return };
        turn.push(Effect::OpenLink(description.pid.clone()));
        agent.pid = description.pid;
        agent.info = description.info.into();
        agent.version = description.version;
        agent.capabilities = description.capabilities;
        let has_changed = agent.total != description.total;
        agent.total = description.total;
        agent.checkpointed = description.checkpointed;
        agent.resource_version = description.resource_version;
        agent.reregistered = Some(turn.now.wall);
        let was_connected = std::mem::replace(&mut agent.connected, true);
        agent.active = !agent.standing.deactivated;
        let (entity, described) = (agent.entity(), agent.allocator_description(&self.config));
        if has_changed {
            // Mesos leaves offers of what is not there; whoever accepts one hears only of errors.
            self.rescind_offers_of_agent(&id, turn);
        }
        turn.change(Change::AgentUpdated(entity));
        self.allocator.update_agent(&id, described);
        self.reconcile_agent(&id, &report, turn);
        if !was_connected {
            self.timers.cancel(&Timer::Reregister(id.clone()));
            if self.agents.registered.get(&id).is_some_and(|agent| agent.active) {
                self.allocator.activate_agent(&id);
            }
        }
        self.go_on_draining(&id, turn);
        self.update_frameworks_of_agent(&id, &report, turn);
    }

    /// Tells an agent that came back that it is drained. One with resource providers tells its operations later.
    fn go_on_draining(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        self.tell_of_drain(id, turn);
        let agent = self.agents.registered.get(id);
        if agent.is_some_and(|agent| !agent.capabilities.has(AgentCapability::ResourceProvider)) {
            self.end_drain(id, turn);
        }
    }

    /// An agent comes (back) with its tasks, executors and frameworks.
    fn reregister_unknown(&mut self, reregistration: Reregistration, turn: &mut Turn<'_>) {
        let Reregistration { id, agent, mut report } = reregistration;
        turn.count("master/slave_reregistrations");
        let standing = self.standing_of(&id);
        let was_recovered = self.agents.recovered.remove(&id).is_some();
        let unreachable = self.agents.unreachable.remove(&id);
        let was_unreachable = unreachable.is_some();
        if was_unreachable {
            turn.change(Change::AgentReachable(id.clone()));
        }
        let completed = self.drop_completed_frameworks(&mut report);
        let recovered = self.recover_frameworks(&report, turn);
        let refused = self.refuse_contradicting_tasks(&id, &mut report);
        let pid = agent.pid.clone();
        self.add_agent(&id, agent, standing, Some(turn.now.wall), &report.used(), turn);
        if !was_recovered {
            self.tell_of_returned_tasks(&report.tasks, was_unreachable, turn);
        }
        self.add_reported(&id, &mut report, turn);
        turn.change(Change::AgentAnnounced {
            id: id.clone(),
            recovered: recovered.iter().cloned().collect(),
        });
        self.forget_unreachable_tasks_of(&id, unreachable, turn);
        self.go_on_draining(&id, turn);
        let message = internal::SlaveReregisteredMessage {
            slave_id: id.to_proto(),
            reconciliations: Vec::new(),
            connection: Some(connection(&self.config)),
        };
        turn.send(&pid, message);
        for framework in completed {
            turn.send(&pid, internal::ShutdownFrameworkMessage { framework_id: framework.to_proto() });
        }
        for (framework, task) in refused {
            turn.send(&pid, kill(&framework, &task));
        }
        for framework in report.frameworks.keys().filter(|framework| !recovered.contains(*framework)) {
            self.update_framework_of_agent(&pid, framework, turn);
        }
    }

    /// Takes what belongs to removed frameworks out of a report; returns those frameworks.
    fn drop_completed_frameworks(&self, report: &mut Report) -> Vec<FrameworkId> {
        let completed = &self.frameworks.completed;
        report.tasks.retain(|task| !completed.contains(&task.framework));
        report.executors.retain(|executor| !completed.contains(&executor.framework));
        let gone: Vec<FrameworkId> =
            report.frameworks.keys().filter(|id| completed.contains(id)).cloned().collect();
        report.frameworks.retain(|id, _| !completed.contains(id));
        gone
    }

    /// Adds the frameworks of a report that this master has not heard of; returns them.
    fn recover_frameworks(&mut self, report: &Report, turn: &mut Turn<'_>) -> BTreeSet<FrameworkId> {
        let mut recovered = BTreeSet::new();
        for (id, info) in &report.frameworks {
            if !self.frameworks.registered.contains_key(id) {
                self.recover_framework(id, info, turn);
                recovered.insert(id.clone());
            }
        }
        recovered
    }

    /// Takes those tasks out of a report whose ids are in use on other agents; returns them.
    fn refuse_contradicting_tasks(
        &self,
        agent: &AgentId,
        report: &mut Report,
    ) -> Vec<(FrameworkId, tepui_types::TaskId)> {
        let mut refused = Vec::new();
        report.tasks.retain(|reported| {
            let clash =
                self.task(&reported.framework, &reported.id).is_some_and(|known| known.agent != *agent);
            if clash {
                refused.push((reported.framework.clone(), reported.id.clone()));
            }
            !clash
        });
        refused
    }

    /// Tells frameworks the states of tasks that they were told to be unreachable or lost.
    fn tell_of_returned_tasks(&self, tasks: &[ReportedTask], unreachable: bool, turn: &mut Turn<'_>) {
        // Compat: the doubled syllable is Mesos'.
        let message =
            if unreachable { "Unreachable agent re-reregistered" } else { "Unknown agent reregistered" };
        for ReportedTask { framework, id, task, .. } in tasks {
            // Most come with the first agents that return to a new master, before their frameworks do.
            let Some(owner) = self.frameworks.registered.get(framework).filter(|owner| owner.is_connected())
            else {
                continue;
            };
            let draft = StatusDraft {
                state: task.state,
                reason: Reason::AgentReregistered,
                message: message.to_owned(),
            };
            let mut status =
                draft.status_with_executor(id, &task.agent, task.executor.as_ref(), turn.now.wall);
            task.report.fill(&mut status);
            owner.send_status(turn, status);
        }
    }

    /// Puts the executors and tasks of a report on the books.
    fn add_reported(&mut self, id: &AgentId, report: &mut Report, turn: &mut Turn<'_>) {
        for executor in std::mem::take(&mut report.executors) {
            self.add_executor(id, &executor.framework, executor.info, executor.resources, turn);
        }
        for reported in std::mem::take(&mut report.tasks) {
            if let Some(framework) = self.frameworks.registered.get_mut(&reported.framework) {
                framework.unreachable_tasks.remove(&reported.id);
            }
            self.add_task(&reported.framework, reported.task, reported.entity, turn);
        }
        for framework in report.frameworks.keys() {
            self.connect_framework_and_agent(framework, id);
        }
    }

    /// Forgets the unreachable tasks that an agent did not bring back.
    pub(crate) fn forget_unreachable_tasks_of(
        &mut self,
        id: &AgentId,
        was: Option<UnreachableAgent>,
        turn: &mut Turn<'_>,
    ) {
        for framework in was.into_iter().flat_map(|was| was.frameworks) {
            let Some(owner) = self.frameworks.registered.get_mut(&framework) else { continue };
            for (task, _) in owner.unreachable_tasks.take_all_of(id) {
                let to = TaskAfterlife::Forgotten;
                let framework = framework.clone();
                turn.change(Change::TaskRemoved { framework, task, to, freed: None });
            }
        }
    }

    /// Tells an agent how the frameworks that it reported are described now.
    fn update_frameworks_of_agent(&mut self, id: &AgentId, report: &Report, turn: &mut Turn<'_>) {
        let Some(pid) = self.agents.registered.get(id).map(|agent| agent.pid.clone()) else { return };
        for (framework, info) in &report.frameworks {
            if self.frameworks.completed.contains(framework) {
                continue;
            }
            if self.frameworks.registered.contains_key(framework) {
                self.update_framework_of_agent(&pid, framework, turn);
            } else {
                self.recover_framework(framework, info, turn);
                let (id, news) = (framework.clone(), FrameworkNews::Added);
                turn.change(Change::FrameworkAnnounced { id, news });
            }
            self.connect_framework_and_agent(framework, id);
        }
    }

    fn update_framework_of_agent(&self, pid: &Upid, framework: &FrameworkId, turn: &mut Turn<'_>) {
        if let Some(framework) = self.frameworks.registered.get(framework) {
            turn.send(pid, framework.update_message());
        }
    }
}

/// Tells an agent to end.
pub(super) fn shut_down(pid: &Upid, message: &str, turn: &mut Turn<'_>) {
    turn.send(pid, internal::ShutdownMessage { message: Some(message.to_owned()) });
}

/// Tells an agent to kill a task.
pub(crate) fn kill(framework: &FrameworkId, task: &tepui_types::TaskId) -> internal::KillTaskMessage {
    internal::KillTaskMessage {
        framework_id: framework.to_proto(),
        task_id: task.to_proto(),
        kill_policy: None,
    }
}

/// The state of a task that is neither over nor unreachable.
pub(crate) fn is_running(state: TaskState) -> bool {
    !tepui_types::is_terminal(state)
}

/// The status with which an agent is asked about a task that it did not report.
pub(crate) fn question(
    task: &tepui_types::TaskId,
    agent: &AgentId,
    state: TaskState,
    now: tepui_types::WallTime,
) -> v1::TaskStatus {
    let draft =
        StatusDraft { state, reason: Reason::Reconciliation, message: "Reconciliation request".to_owned() };
    draft.status(task, Some(agent), now)
}
