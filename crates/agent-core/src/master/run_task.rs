//! `RunTaskMessage` and `RunTaskGroupMessage`: tasks are to run, with a new executor or with one that is there. Those of a
//! group are handed over together, or not at all.

use std::collections::BTreeSet;

use tepui_proto::{Raw, internal, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId, Upid, validate_id};

use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState, TaskPlace};
use crate::command_executor::command_executor;
use crate::effect::Effects;
use crate::framework::dropped_state;
use crate::record::Record;
use crate::resources::knows_checkpointed;
use crate::status_update::AgentStatus;
use crate::task::new_task;

/// Tasks that were asked for, with what was found out about them.
pub(crate) struct Asked {
    agent: AgentId,
    framework: FrameworkId,
    framework_info: v1::FrameworkInfo,
    /// Not none; more than one only in a group.
    tasks: Vec<Raw<v1::TaskInfo>>,
    is_group: bool,
    executor: ExecutorId,
    executor_info: Raw<v1::ExecutorInfo>,
    /// Whether the master expects a new executor; older masters do not say.
    launch_executor: Option<bool>,
}

/// Why a task is not run.
struct Refusal {
    reason: v1::task_status::Reason,
    message: String,
    /// The master counts on a new executor, and must hear that there is none.
    report_executor: bool,
}

impl Refusal {
    fn new(reason: v1::task_status::Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), report_executor: true }
    }

    fn without_report(self) -> Self {
        Self { report_executor: false, ..self }
    }
}

impl Agent {
    /// Runs the task, or says why not.
    pub(crate) fn run_task(&mut self, message: internal::RunTaskMessage, effects: &mut Effects) {
        let pid = message.pid.as_deref().and_then(|pid| pid.parse().ok());
        let Some(framework) = named(message.framework) else { return };
        let executor = match (&message.task.executor, &message.task.command) {
            (Some(executor), _) => executor.clone(),
            (None, Some(command)) => command_executor(&self.config, &framework, &message.task, command),
            (None, None) => {
                let none = v1::CommandInfo::default();
                command_executor(&self.config, &framework, &message.task, &none)
            }
        };
        let asked = self.asked(framework, executor, vec![message.task], message.launch_executor);
        let Some(asked) = asked else { return };
        self.run_asked(&asked, pid, &message.resource_version_uuids, effects);
    }

    /// Runs tasks together under the executor that the master named, or says why not.
    pub(crate) fn run_task_group(&mut self, message: internal::RunTaskGroupMessage, effects: &mut Effects) {
        let Some(framework) = named(message.framework) else { return };
        let tasks = message.task_group.tasks;
        let asked = self.asked(framework, message.executor, tasks, message.launch_executor);
        let Some(asked) = asked else { return };
        let asked = Asked { is_group: true, ..asked };
        self.run_asked(&asked, None, &message.resource_version_uuids, effects);
    }

    /// Runs what was asked for, or says why not.
    fn run_asked(
        &mut self,
        asked: &Asked,
        pid: Option<Upid>,
        versions: &[internal::ResourceVersionUuid],
        effects: &mut Effects,
    ) {
        self.ensure_framework(&asked.framework, &asked.framework_info, pid, effects);
        let Some(framework) = self.frameworks.get(&asked.framework) else { return };
        if asked.tasks.iter().any(|task| framework.tasks.contains_key(&TaskId::from(&task.task_id))) {
            tracing::debug!(framework = %asked.framework, "ignored a task that is here");
            return;
        }
        let ended = |task: &Raw<v1::TaskInfo>| {
            self.updates.tells_the_end_of(&asked.framework, &TaskId::from(&task.task_id))
        };
        if framework.terminating || asked.tasks.iter().any(ended) {
            // What is on its way ends the task at the master: it must not run. And a framework that is ended acknowledges
            // nothing, so nothing is said of the task.
            self.report_no_executor(asked, effects);
            return;
        }
        match self.check_asked(asked, versions, effects) {
            Ok(()) => self.run(asked, effects),
            Err(refusal) => self.refuse(asked, &refusal, effects),
        }
    }

    /// Reads a message; `None` if it is not for us, or names what no folder may be called.
    fn asked(
        &self,
        framework_info: v1::FrameworkInfo,
        executor_info: Raw<v1::ExecutorInfo>,
        tasks: Vec<Raw<v1::TaskInfo>>,
        launch_executor: Option<bool>,
    ) -> Option<Asked> {
        let agent = self.id.clone()?;
        let framework = framework_info.id.as_ref().map(FrameworkId::from)?;
        // While we are not registered, what comes is late: the report that we sent lacks the task, and by it the master
        // has given the task up or will. To run it all the same would be to run what nobody counts.
        let is_ours = |task: &Raw<v1::TaskInfo>| task.agent_id.value == agent.as_str();
        if tasks.is_empty() || !tasks.iter().all(is_ours) || self.state != State::Running {
            return None;
        }
        let executor = ExecutorId::from(&executor_info.executor_id);
        let of_tasks = tasks.iter().map(|task| task.task_id.value.as_str());
        let ids: Vec<&str> = of_tasks.chain([framework.as_str(), executor.as_str()]).collect();
        if let Some(id) = ids.iter().find(|id| validate_id(id).is_err()) {
            tracing::debug!(id, "ignored a task with an id that is no name of a folder");
            return None;
        }
        let distinct: BTreeSet<&str> = tasks.iter().map(|task| task.task_id.value.as_str()).collect();
        if distinct.len() < tasks.len() {
            tracing::debug!("ignored a group that names a task twice");
            return None;
        }
        let is_group = false;
        let asked = Asked {
            agent,
            framework,
            framework_info,
            tasks,
            is_group,
            executor,
            executor_info,
            launch_executor,
        };
        Some(asked)
    }

    /// Finds the reasons not to run tasks, in Mesos' order.
    fn check_asked(
        &mut self,
        asked: &Asked,
        versions: &[internal::ResourceVersionUuid],
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        use v1::task_status::Reason;
        let has_both_or_none = |task: &Raw<v1::TaskInfo>| task.executor.is_some() == task.command.is_some();
        if !asked.is_group && asked.tasks.iter().any(has_both_or_none) {
            let message = "Task should have either CommandInfo or ExecutorInfo set but not both";
            return Err(Refusal::new(Reason::TaskInvalid, message));
        }
        if self.drain.is_some() {
            let message = "Task was received while agent was already draining";
            return Err(Refusal::new(Reason::AgentDraining, message));
        }
        let own_version = self.resource_version_uuid();
        let outdated = |version: &internal::ResourceVersionUuid| {
            version.resource_provider_id.is_none() && version.uuid != own_version
        };
        if versions.iter().any(outdated) {
            return Err(Refusal::new(Reason::InvalidOffers, "Task assumes outdated resource state"));
        }
        let of_tasks = asked.tasks.iter().map(|task| (&task.resources, "task or task group"));
        for (resources, who) in of_tasks.chain([(&asked.executor_info.resources, "executor")]) {
            if !knows_checkpointed(&self.checkpointed, resources) {
                let message =
                    format!("The checkpointed resources being used by the {who} are unknown to the agent");
                return Err(Refusal::new(Reason::ResourcesUnknown, message));
            }
        }
        self.check_executor(asked, effects)
    }

    /// Checks that the executor is there, or is not, as the master believes.
    fn check_executor(&mut self, asked: &Asked, effects: &mut Effects) -> Result<(), Refusal> {
        use v1::task_status::Reason::ExecutorTerminated;
        let framework = self.frameworks.get(&asked.framework);
        let state =
            framework.and_then(|framework| framework.executors.get(&asked.executor)).map(|found| found.state);
        match (asked.launch_executor, state) {
            (Some(true), Some(ExecutorState::Terminated)) => Err(Refusal::new(
                ExecutorTerminated,
                "Master wants to launch executor, but one already exists",
            )),
            (Some(true), Some(_)) => {
                // The master does not know of it, so nobody else will end it.
                self.shut_down_executor(&asked.framework, &asked.executor, effects);
                let message = "Master wants to launch executor, but one already exists";
                Err(Refusal::new(ExecutorTerminated, message).without_report())
            }
            (Some(false), None) => {
                let message = "No executor is expected to launch and there is none running";
                Err(Refusal::new(ExecutorTerminated, message).without_report())
            }
            (_, Some(ExecutorState::Terminating)) => {
                Err(Refusal::new(ExecutorTerminated, "Executor terminating").without_report())
            }
            (_, Some(ExecutorState::Terminated)) => {
                Err(Refusal::new(ExecutorTerminated, "Executor terminated").without_report())
            }
            (_, None | Some(ExecutorState::Registering | ExecutorState::Running)) => Ok(()),
        }
    }

    /// Queues tasks for their executor, which is launched if need be and gets them when it is connected.
    fn run(&mut self, asked: &Asked, effects: &mut Effects) {
        let known =
            |framework: &crate::framework::Framework| framework.executors.contains_key(&asked.executor);
        if !self.frameworks.get(&asked.framework).is_some_and(known) {
            let info = asked.executor_info.clone();
            self.add_executor(&asked.agent, &asked.framework, info, &asked.tasks, effects);
        }
        self.queue(&asked.framework, &asked.executor, &asked.tasks, asked.is_group, effects);
        self.send_queued_tasks(&asked.framework, &asked.executor, effects);
    }

    /// Queues tasks for an executor that is here.
    pub(crate) fn queue(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        tasks: &[Raw<v1::TaskInfo>],
        is_group: bool,
        effects: &mut Effects,
    ) {
        // What was said of a task of this id before it was here is about another.
        for task in tasks {
            self.forget_stray(framework_id, &TaskId::from(&task.task_id), effects);
        }
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(executor) = framework.executors.get_mut(executor_id) else { return };
        executor.queued.push(tasks.to_vec(), is_group);
        if executor.checkpoint {
            effects.record(Record::Queued { run: executor.run(), tasks: tasks.to_vec(), is_group });
        }
        for task in tasks {
            framework.tasks.insert(TaskId::from(&task.task_id), executor_id.clone());
            effects.change(Change::TaskChanged {
                executor: executor_id.clone(),
                place: TaskPlace::Queued,
                task: Box::new(new_task(task, v1::TaskState::TaskStaging, framework_id)),
            });
        }
    }

    /// Tells the scheduler that its tasks do not run, and the master that no executor does.
    fn refuse(&mut self, asked: &Asked, refusal: &Refusal, effects: &mut Effects) {
        for task in &asked.tasks {
            let status = AgentStatus {
                task: TaskId::from(&task.task_id),
                executor: Some(asked.executor.clone()),
                state: dropped_state(&asked.framework_info),
                reason: refusal.reason,
                message: refusal.message.clone(),
                limited_resources: Vec::new(),
            };
            self.agent_update(&asked.framework, status, effects);
        }
        self.remove_framework_if_idle(&asked.framework, effects);
        if refusal.report_executor {
            self.report_no_executor(asked, effects);
        }
    }

    /// Tells a master that expects a new executor that there is none.
    fn report_no_executor(&self, asked: &Asked, effects: &mut Effects) {
        if asked.launch_executor == Some(true) {
            self.send_exited_executor(&asked.framework, &asked.executor, -1, effects);
        }
    }
}

/// A framework's description with its id, if it has one.
fn named(info: v1::FrameworkInfo) -> Option<v1::FrameworkInfo> {
    info.id.is_some().then_some(info)
}
