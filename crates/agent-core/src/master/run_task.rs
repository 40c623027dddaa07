//! `RunTaskMessage`: a task is to run, with a new executor or with one that is there.

use tepui_proto::{Raw, internal, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, TaskId, validate_id};

use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState, TaskPlace};
use crate::command_executor::command_executor;
use crate::effect::Effects;
use crate::framework::dropped_state;
use crate::resources::knows_checkpointed;
use crate::status_update::AgentStatus;
use crate::task::new_task;

/// A task that was asked for, with what was found out about it.
struct Asked {
    agent: AgentId,
    framework: FrameworkId,
    framework_info: v1::FrameworkInfo,
    task: Raw<v1::TaskInfo>,
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
    pub(crate) fn run_task(&mut self, message: &internal::RunTaskMessage, effects: &mut Effects) {
        let Some(asked) = self.read(message) else { return };
        let pid = message.pid.as_deref().and_then(|pid| pid.parse().ok());
        self.ensure_framework(&asked.framework, &asked.framework_info, pid, effects);
        let Some(framework) = self.frameworks.get(&asked.framework) else { return };
        if framework.tasks.contains_key(&TaskId::from(&asked.task.task_id)) {
            tracing::debug!(task = asked.task.task_id.value, "ignored a task that is here");
            return;
        }
        if framework.terminating {
            // A framework that ends acknowledges nothing, so nothing is said of the task.
            self.report_no_executor(&asked, effects);
            return;
        }
        match self.check_task(&asked, &message.resource_version_uuids, effects) {
            Ok(()) => self.run(&asked, effects),
            Err(refusal) => self.refuse_task(&asked, refusal, effects),
        }
    }

    /// Reads a message; `None` if it is not for us, or names what no folder may be called.
    fn read(&self, message: &internal::RunTaskMessage) -> Option<Asked> {
        let agent = self.id.clone()?;
        // While we are not registered, what comes is late: the report that we sent lacks the task, and by it the master
        // has given the task up or will. To run it all the same would be to run what nobody counts.
        if message.task.agent_id.value != agent.as_str() || self.state != State::Running {
            return None;
        }
        let framework = message.framework.id.as_ref()?;
        let framework = FrameworkId::from(framework);
        let framework_info =
            v1::FrameworkInfo { id: Some(framework.to_proto()), ..message.framework.clone() };
        let executor_info = match (&message.task.executor, &message.task.command) {
            (Some(executor), _) => executor.clone(),
            (None, Some(command)) => command_executor(&self.config, &framework_info, &message.task, command),
            (None, None) => {
                let none = v1::CommandInfo::default();
                command_executor(&self.config, &framework_info, &message.task, &none)
            }
        };
        let executor = ExecutorId::from(&executor_info.executor_id);
        let ids = [framework.as_str(), executor.as_str(), &message.task.task_id.value];
        if ids.iter().any(|id| validate_id(id).is_err()) {
            tracing::debug!(?ids, "ignored a task with an id that is no name of a folder");
            return None;
        }
        Some(Asked {
            agent,
            framework,
            framework_info,
            task: message.task.clone(),
            executor,
            executor_info,
            launch_executor: message.launch_executor,
        })
    }

    /// Finds the reasons not to run a task, in Mesos' order.
    fn check_task(
        &mut self,
        asked: &Asked,
        versions: &[internal::ResourceVersionUuid],
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        use v1::task_status::Reason;
        if asked.task.executor.is_some() == asked.task.command.is_some() {
            let message = "Task should have either CommandInfo or ExecutorInfo set but not both";
            return Err(Refusal::new(Reason::TaskInvalid, message));
        }
        if asked.executor_info.r#type() == v1::executor_info::Type::Default {
            let message = "The default executor is not supported by this agent";
            return Err(Refusal::new(Reason::TaskInvalid, message));
        }
        let own_version = self.resource_version_uuid();
        let outdated = |version: &internal::ResourceVersionUuid| {
            version.resource_provider_id.is_none() && version.uuid != own_version
        };
        if versions.iter().any(outdated) {
            return Err(Refusal::new(Reason::InvalidOffers, "Task assumes outdated resource state"));
        }
        for (resources, who) in
            [(&asked.task.resources, "task or task group"), (&asked.executor_info.resources, "executor")]
        {
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

    /// Queues a task for its executor, which is launched if need be and gets the task when it is connected.
    fn run(&mut self, asked: &Asked, effects: &mut Effects) {
        let known =
            |framework: &crate::framework::Framework| framework.executors.contains_key(&asked.executor);
        if !self.frameworks.get(&asked.framework).is_some_and(known) {
            let info = asked.executor_info.clone();
            self.add_executor(&asked.agent, &asked.framework, info, &asked.task, effects);
        }
        let Some(framework) = self.frameworks.get_mut(&asked.framework) else { return };
        let Some(executor) = framework.executors.get_mut(&asked.executor) else { return };
        executor.queued.push_back(asked.task.clone());
        framework.tasks.insert(TaskId::from(&asked.task.task_id), asked.executor.clone());
        effects.change(Change::TaskChanged {
            executor: asked.executor.clone(),
            place: TaskPlace::Queued,
            task: Box::new(new_task(&asked.task, v1::TaskState::TaskStaging, &asked.framework)),
        });
        self.send_queued_tasks(&asked.framework, &asked.executor, effects);
    }

    /// Tells the scheduler that its task does not run, and the master that no executor does.
    fn refuse_task(&mut self, asked: &Asked, refusal: Refusal, effects: &mut Effects) {
        let status = AgentStatus {
            task: TaskId::from(&asked.task.task_id),
            executor: Some(asked.executor.clone()),
            state: dropped_state(&asked.framework_info),
            reason: refusal.reason,
            message: refusal.message,
            limited_resources: Vec::new(),
        };
        self.agent_update(&asked.framework, status, effects);
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
