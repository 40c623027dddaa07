//! Takes a status, from an executor or from us, into its task's state and stream.

use tepui_proto::v1::executor::event;
use tepui_proto::{internal, v1};
use tepui_types::{FrameworkId, TaskId, Uuid, is_terminal};

use super::stream::{Accepted, RETRY_INTERVAL_MIN};
use super::{AgentStatus, UpdateSource, is_executors_word};
use crate::agent::Agent;
use crate::change::{Change, TaskPlace};
use crate::effect::Effects;
use crate::executor::Executor;
use crate::record::{Record, Run};
use crate::task::{add_status, new_task};

/// Tasks that a framework's executors may say something about though nobody knows them: those of an executor that
/// survived its agent, say.
const MAX_UNKNOWN_TASKS: usize = 100;

/// How an update outlives us.
pub(crate) enum Keeping {
    /// Not at all: its executor does not either.
    None,
    /// With the task's executor.
    Of(Run),
    /// By itself: no executor here has the task.
    Stray,
}

impl Agent {
    /// Says ourselves how a task is doing.
    pub(crate) fn agent_update(
        &mut self,
        framework: &FrameworkId,
        status: AgentStatus,
        effects: &mut Effects,
    ) {
        let Some(agent) = &self.id else { return };
        let uuid = Uuid::random(&mut self.rng);
        let update = status.into_update(framework, agent, uuid, self.now.wall);
        self.status_update(framework, update, uuid, &UpdateSource::Agent, effects);
    }

    /// Takes a status that an executor sent, in an UPDATE or on subscribing again.
    pub(crate) fn receive_status(
        &mut self,
        framework: &FrameworkId,
        mut status: v1::TaskStatus,
        source: &UpdateSource,
        effects: &mut Effects,
    ) {
        let uuid = status.uuid.as_deref().and_then(Uuid::from_slice);
        let (Some(agent), Some(uuid)) = (&self.id, uuid) else {
            effects.change(Change::Counted("slave/invalid_status_updates"));
            return;
        };
        let own_agent = status.agent_id.get_or_insert_with(|| agent.to_proto());
        if own_agent.value != agent.as_str() || !is_executors_word(status.state()) {
            effects.change(Change::Counted("slave/invalid_status_updates"));
            return;
        }
        status.source = Some(v1::task_status::Source::Executor.into());
        let update = internal::StatusUpdate {
            framework_id: framework.to_proto(),
            executor_id: status.executor_id.clone(),
            slave_id: Some(agent.to_proto()),
            timestamp: status.timestamp.unwrap_or_else(|| self.now.wall.as_secs_f64()),
            uuid: status.uuid.clone(),
            status,
            latest_state: None,
        };
        self.status_update(framework, update, uuid, source, effects);
    }

    /// Takes a well-formed update.
    fn status_update(
        &mut self,
        framework_id: &FrameworkId,
        mut update: internal::StatusUpdate,
        uuid: Uuid,
        source: &UpdateSource,
        effects: &mut Effects,
    ) {
        let task = TaskId::from(&update.status.task_id);
        self.explain_by_drain(framework_id, &mut update.status);
        let Some(framework) =
            self.frameworks.get_mut(framework_id).filter(|framework| !framework.terminating)
        else {
            effects.change(Change::Counted("slave/invalid_status_updates"));
            return;
        };
        let limit = framework.tasks.len() + MAX_UNKNOWN_TASKS;
        let mut keeping = Keeping::Stray;
        let mut is_new = !self.updates.knows(framework_id, &task, &uuid);
        if let Some(executor) = framework.executor_of(&task).filter(|_| is_new) {
            if *source != UpdateSource::Agent {
                executor.describe_container(&mut update.status, &self.config.pid.address.ip().to_string());
            }
            is_new = executor.set_status(&task, &update.status, effects);
            keeping = if executor.checkpoint { Keeping::Of(executor.run()) } else { Keeping::None };
        } else if let UpdateSource::Executor(_, id) = source
            && framework.executors.get(id).is_some_and(|executor| executor.has_completed(&task))
        {
            is_new = false;
        } else if is_new && *source != UpdateSource::Agent && self.updates.count_of(framework_id) >= limit {
            effects.change(Change::Counted("slave/invalid_status_updates"));
            return;
        }
        effects.change(Change::Counted("slave/valid_status_updates"));
        if is_new {
            self.keep_update(framework_id, &task, update, source, keeping, effects);
        } else {
            self.acknowledge_to_executor(source, &task, uuid, effects);
        }
    }

    /// Puts an update into its stream, and tells the executor so.
    pub(crate) fn keep_update(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        update: internal::StatusUpdate,
        source: &UpdateSource,
        keeping: Keeping,
        effects: &mut Effects,
    ) {
        let recorded = match keeping {
            Keeping::None => None,
            Keeping::Of(run) => Some(Record::Update { run, update: Box::new(update.clone()) }),
            Keeping::Stray => Some(Record::Stray(Box::new(update.clone()))),
        };
        let uuid = update.uuid.as_deref().and_then(Uuid::from_slice);
        match self.updates.accept(update) {
            Accepted::First => self.forward_first(framework, task, RETRY_INTERVAL_MIN, effects),
            Accepted::Waits => {}
            // The executor keeps it, and may repeat it when it subscribes again.
            Accepted::Full => return,
        }
        effects.records.extend(recorded);
        if let Some(uuid) = uuid {
            self.acknowledge_to_executor(source, task, uuid, effects);
        }
    }

    /// Sends ACKNOWLEDGED to the executor that sent an update.
    fn acknowledge_to_executor(
        &self,
        source: &UpdateSource,
        task: &TaskId,
        uuid: Uuid,
        effects: &mut Effects,
    ) {
        let UpdateSource::Executor(framework, executor) = source else { return };
        let Some(framework) = self.frameworks.get(framework) else { return };
        let Some(executor) = framework.executors.get(executor) else { return };
        let acknowledged = event::Acknowledged { task_id: task.to_proto(), uuid: uuid.as_bytes().to_vec() };
        let acknowledged = v1::executor::Event {
            r#type: Some(event::Type::Acknowledged.into()),
            acknowledged: Some(acknowledged),
            ..v1::executor::Event::default()
        };
        executor.send(acknowledged, effects);
    }
}

impl Executor {
    /// Adds what we know of the container to what the executor says of it.
    fn describe_container(&self, status: &mut v1::TaskStatus, agent_ip: &str) {
        let container = status.container_status.get_or_insert_default();
        // Compat: Mesos asks for the status of the container that the executor names; one that we do not run (a
        // nested one, say) keeps what the executor said of it.
        let own = self.container.to_proto();
        if container.container_id.get_or_insert_with(|| own.clone()).value != own.value {
            return;
        }
        if let Some(pid) = self.pid {
            container.executor_pid = Some(pid);
        }
        if container.network_infos.is_empty() {
            container.network_infos.push(v1::NetworkInfo {
                ip_addresses: vec![v1::network_info::IpAddress {
                    ip_address: Some(agent_ip.to_owned()),
                    ..v1::network_info::IpAddress::default()
                }],
                ..v1::NetworkInfo::default()
            });
        }
    }

    /// Moves a task on; says whether the status is to be kept.
    ///
    /// A terminal state is final, and what waits in the queue can only end.
    pub(crate) fn set_status(&mut self, id: &TaskId, status: &v1::TaskStatus, effects: &mut Effects) -> bool {
        let terminal = is_terminal(status.state());
        let mut task = if let Some(task) = self.launched.remove(id) {
            task
        } else if terminal && let Some(info) = self.queued.remove(id) {
            Box::new(new_task(&info, status.state(), &self.framework))
        } else {
            return false;
        };
        self.unheard.retain(|lot| !lot.has(id));
        add_status(&mut task, status);
        let place = if terminal { TaskPlace::Terminated } else { TaskPlace::Launched };
        let shown = task.clone();
        effects.change(Change::TaskChanged { executor: self.id.clone(), place, task: shown });
        if terminal {
            count_terminal(status.state(), effects);
            self.terminated.insert(id.clone(), task);
            if !self.is_for_command && self.state == crate::change::ExecutorState::Running {
                effects.push(self.container_update());
            }
        } else {
            self.launched.insert(id.clone(), task);
        }
        true
    }
}

/// Counts a task's end, by its state.
fn count_terminal(state: v1::TaskState, effects: &mut Effects) {
    use v1::TaskState as S;
    let counter = match state {
        S::TaskFinished => "slave/tasks_finished",
        S::TaskFailed => "slave/tasks_failed",
        S::TaskKilled => "slave/tasks_killed",
        S::TaskLost => "slave/tasks_lost",
        S::TaskGone => "slave/tasks_gone",
        // Compat: Mesos' agents have no counters for these ends.
        S::TaskError | S::TaskDropped | S::TaskGoneByOperator => return,
        S::TaskStaging
        | S::TaskStarting
        | S::TaskRunning
        | S::TaskKilling
        | S::TaskUnreachable
        | S::TaskUnknown => {
            return;
        }
    };
    effects.change(Change::Counted(counter));
}
