//! Everything that the default executor decides. No I/O: times are counted from any fixed moment.

use std::time::Duration;

use tepui_client::executor::Event;
use tepui_proto::v1::framework_info::capability;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};
use tepui_types::{Uuid, duration_from_proto, format_duration};
use tracing::{error, info, warn};

use super::child::{Child, Kill, Launch, MaxCompletion, grace_period};
use super::ending::{self, Waited};
use crate::checks::Report;
use crate::escalation::Escalation;

/// How long a killed task gets when nobody says.
const DEFAULT_GRACE: Duration = Duration::from_secs(3);

/// How long the agent may leave updates unacknowledged once all tasks have ended.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Send an update.
    Update(Box<v1::TaskStatus>),
    /// Have the agent launch a task's container. `Core::launched` follows.
    Launch(Box<v1::agent::call::LaunchContainer>),
    /// Ask the agent for a container's end. `Core::waited` follows, unless the subscription ends first.
    Wait(v1::ContainerId),
    /// Ask again in a second.
    WaitLater(v1::ContainerId),
    /// Have the agent signal a container. `Core::signal_failed` follows if it does not.
    Signal(v1::ContainerId, Signal),
    /// Make the link that leads from the task's id to its sandbox.
    LinkSandbox { task_id: v1::TaskId, container_id: v1::ContainerId },
    /// Begin to check a task.
    BeginChecks(Box<v1::TaskInfo>, v1::ContainerId),
    /// Check it no more.
    StopChecks(v1::TaskId),
    /// Check nothing until `ResumeChecks`.
    PauseChecks,
    /// Check again.
    ResumeChecks,
    /// Nothing is left to do.
    Exit,
}

/// The signals of a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Term,
    Kill,
}

/// What the agent answered to a launch.
#[derive(Clone, Debug)]
pub(super) enum Launched {
    /// It runs.
    Done,
    /// The agent refuses.
    Refused(String),
    /// No answer came.
    Unknown,
}

/// The executor.
#[derive(Debug)]
pub(super) struct Core {
    rng: fastrand::Rng,
    container_ip: String,
    subscription: Subscription,
    children: Vec<Child>,
    groups: u64,
    /// The groups that are being killed, so that the end of one of their tasks has no further consequence.
    killed_groups: Vec<u64>,
    /// The groups one of whose tasks is being killed because it is unhealthy.
    unhealthy_groups: Vec<u64>,
    is_shutting_down: bool,
    /// When it exits, acknowledged or not.
    exit_deadline: Option<Duration>,
    /// How many updates the agent has not acknowledged.
    unacknowledged: usize,
    effects: Vec<Effect>,
}

/// How the executor stands with the agent.
#[derive(Debug)]
enum Subscription {
    /// It never was subscribed.
    None,
    /// It is, or (not `is_connected`) was.
    Of { framework: Box<v1::FrameworkInfo>, container_id: v1::ContainerId, is_connected: bool },
}

impl Core {
    pub(super) fn new(seed: u64, container_ip: String) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            container_ip,
            subscription: Subscription::None,
            children: Vec::new(),
            groups: 0,
            killed_groups: Vec::new(),
            unhealthy_groups: Vec::new(),
            is_shutting_down: false,
            exit_deadline: None,
            unacknowledged: 0,
            effects: Vec::new(),
        }
    }

    /// What is to be done since this was last asked.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When `expire` is due, if nothing happens first.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.children.iter().filter_map(Child::deadline).chain(self.exit_deadline).min()
    }

    /// Takes an event of the agent; `unacknowledged` is the number of updates that it leaves.
    pub(super) fn take(&mut self, now: Duration, event: Event, unacknowledged: usize) {
        self.unacknowledged = unacknowledged;
        match event {
            Event::Subscribed(subscribed) => self.subscribed(*subscribed),
            Event::Disconnected { reason } => self.disconnected(&reason),
            Event::Launch(_) => {
                error!("LAUNCH event is not supported");
                self.shutdown(now);
            }
            Event::LaunchGroup(group) => self.launch_group(&group),
            Event::Kill { task_id, kill_policy } => self.kill_asked(now, &task_id, kill_policy.as_ref()),
            Event::Acknowledged { .. } => self.exit_if_done(),
            Event::Shutdown => self.shutdown(now),
            Event::Error(message) => error!("Error: {message}"),
            Event::Message(_) | Event::Heartbeat => {}
        }
    }

    /// The agent is lost for good: nobody will hear of the tasks any more, and it has or will destroy them.
    pub(super) fn agent_is_lost(&mut self) {
        self.effects.push(Effect::Exit);
    }

    fn is_connected(&self) -> bool {
        matches!(self.subscription, Subscription::Of { is_connected: true, .. })
    }

    fn has_capability(&self, wanted: capability::Type) -> bool {
        match &self.subscription {
            Subscription::None => false,
            Subscription::Of { framework, .. } => {
                framework.capabilities.iter().any(|capability| capability.r#type() == wanted)
            }
        }
    }

    /// What was under way when the agent went away is done again.
    fn subscribed(&mut self, subscribed: v1::executor::event::Subscribed) {
        info!("Subscribed executor on {}", subscribed.agent_info.hostname);
        let container_id = subscribed.container_id.unwrap_or_default();
        let framework = Box::new(subscribed.framework_info);
        self.subscription = Subscription::Of { framework, container_id, is_connected: true };
        for index in 0..self.children.len() {
            match self.children[index].launch {
                Launch::Unknown => self.launch(index),
                Launch::Launched | Launch::Failed(_) => self.wait(index),
                Launch::Asked => {}
            }
            self.signal(index);
        }
        self.effects.push(Effect::ResumeChecks);
        self.exit_if_done();
    }

    fn disconnected(&mut self, reason: &str) {
        info!("Disconnected from agent: {reason}");
        if let Subscription::Of { is_connected, .. } = &mut self.subscription {
            *is_connected = false;
        }
        for child in &mut self.children {
            child.is_waited_for = false;
        }
        self.effects.push(Effect::PauseChecks);
    }

    fn launch_group(&mut self, group: &v1::TaskGroupInfo) {
        let Subscription::Of { container_id: parent, .. } = &self.subscription else { return };
        let parent = parent.clone();
        if self.is_shutting_down {
            warn!("Ignoring the launch group operation as the executor is shutting down");
            return;
        }
        if group.tasks.iter().any(|task| self.has_task(&task.task_id)) {
            // The agent has missed that we have it.
            info!("Ignoring the launch of a task group, which was launched");
            return;
        }
        self.exit_deadline = None;
        self.groups += 1;
        for task in &group.tasks {
            let container_id = v1::ContainerId {
                value: Uuid::random(&mut self.rng).to_string(),
                parent: Some(Box::new(parent.clone())),
            };
            let task: &v1::TaskInfo = task;
            self.children.push(Child::new(task.clone(), self.groups, container_id));
            let index = self.children.len() - 1;
            self.update(index, TaskState::TaskStarting, None, None);
            self.launch(index);
        }
    }

    fn has_task(&self, task_id: &v1::TaskId) -> bool {
        self.children.iter().any(|child| child.task_id() == task_id)
    }

    fn launch(&mut self, index: usize) {
        let child = &mut self.children[index];
        child.launch = Launch::Asked;
        let launch = launch_call(child, &self.container_ip);
        self.effects.push(Effect::Launch(Box::new(launch)));
    }

    /// The agent has answered to a launch, or did not.
    pub(super) fn launched(&mut self, now: Duration, container_id: &v1::ContainerId, result: Launched) {
        let Some(index) = self.index_of(container_id) else { return };
        match result {
            Launched::Done => self.begin(now, index),
            Launched::Refused(why) => {
                error!("failed to launch task '{}': {why}", self.children[index].task_id().value);
                self.children[index].launch = Launch::Failed(why);
                let ending = ending::of_unknown(&self.children[index]);
                self.end(now, index, ending, None);
            }
            // If the subscription is lost as well, the next one has it launched again; the agent knows the container by its
            // id, so it is never run twice.
            Launched::Unknown if self.is_connected() => self.launch(index),
            Launched::Unknown => self.children[index].launch = Launch::Unknown,
        }
    }

    /// A task's container runs.
    fn begin(&mut self, now: Duration, index: usize) {
        let child = &mut self.children[index];
        child.launch = Launch::Launched;
        let limit = child.task.max_completion_time.as_ref().map(duration_from_proto);
        if let Some(limit) = limit.filter(|limit| !limit.is_zero()) {
            child.max_completion = MaxCompletion::Until(now.saturating_add(limit));
        }
        let (task_id, container_id) = (child.task_id().clone(), child.container_id.clone());
        self.effects.push(Effect::LinkSandbox { task_id, container_id: container_id.clone() });
        self.update(index, TaskState::TaskRunning, None, None);
        let child = &self.children[index];
        if child.kill.is_none() && (child.task.check.is_some() || child.task.health_check.is_some()) {
            self.effects.push(Effect::BeginChecks(Box::new(child.task.clone()), container_id));
        }
        if self.is_connected() {
            self.wait(index);
        }
        // It may have been killed meanwhile.
        self.signal(index);
    }

    fn wait(&mut self, index: usize) {
        let child = &mut self.children[index];
        if !std::mem::replace(&mut child.is_waited_for, true) {
            self.effects.push(Effect::Wait(child.container_id.clone()));
        }
    }

    /// The agent has told the end of a container, or why not.
    pub(super) fn waited(&mut self, now: Duration, container_id: &v1::ContainerId, waited: Waited) {
        let Some(index) = self.index_of(container_id) else { return };
        let child = &self.children[index];
        match waited {
            Waited::Ended(waited) => {
                let ending = ending::of(child, &waited);
                self.end(now, index, ending, waited.limitation);
            }
            Waited::NotFound => {
                let ending = ending::of_unknown(child);
                self.end(now, index, ending, None);
            }
            Waited::Unavailable if self.is_connected() => {
                self.effects.push(Effect::WaitLater(container_id.clone()));
            }
            Waited::Unavailable => self.children[index].is_waited_for = false,
            Waited::Refused(why) => {
                error!("failed to wait for task '{}': {why}", child.task_id().value);
                self.effects.push(Effect::Exit);
            }
        }
    }

    /// A task has ended: tells of it, and ends its group unless it ended well.
    fn end(
        &mut self,
        now: Duration,
        index: usize,
        (state, reason, message): ending::Ending,
        limitation: Option<v1::TaskResourceLimitation>,
    ) {
        let child = self.children.remove(index);
        let mut status = child.status(state, reason, message);
        status.limitation = limitation;
        if self.unhealthy_groups.contains(&child.group) {
            status.healthy = Some(false);
        }
        info!("Task '{}' completed in state {}", child.task_id().value, tepui_types::task_state_name(state));
        self.effects.push(Effect::StopChecks(child.task_id().clone()));
        self.send(status);
        if matches!(state, TaskState::TaskFailed | TaskState::TaskKilled) {
            self.end_group(now, child.group);
        }
        if !self.children.iter().any(|other| other.group == child.group) {
            self.killed_groups.retain(|group| *group != child.group);
            self.unhealthy_groups.retain(|group| *group != child.group);
        }
        if self.children.is_empty() {
            self.exit_deadline = Some(now.saturating_add(ACKNOWLEDGEMENT_TIMEOUT));
        }
        self.exit_if_done();
    }

    /// Kills what is left of a group, once.
    fn end_group(&mut self, now: Duration, group: u64) {
        if self.is_shutting_down || self.killed_groups.contains(&group) {
            return;
        }
        self.killed_groups.push(group);
        for index in 0..self.children.len() {
            if self.children[index].group == group {
                // Compat: without the task's own kill policy.
                self.kill(now, index, DEFAULT_GRACE);
            }
        }
    }

    fn kill_asked(&mut self, now: Duration, task_id: &v1::TaskId, policy: Option<&v1::KillPolicy>) {
        if self.is_shutting_down {
            warn!("Ignoring kill for task '{}' since the executor is shutting down", task_id.value);
            return;
        }
        let Some(index) = self.children.iter().position(|child| child.task_id() == task_id) else {
            warn!("Ignoring kill for task '{}' as it is no longer active", task_id.value);
            return;
        };
        let grace = grace_period(policy).or_else(|| self.children[index].grace_period());
        self.kill(now, index, grace.unwrap_or(DEFAULT_GRACE));
    }

    fn shutdown(&mut self, now: Duration) {
        if std::mem::replace(&mut self.is_shutting_down, true) {
            return;
        }
        info!("Shutting down");
        // Without the agent nothing can be killed; it destroys the executor's container with all that is in it.
        if self.children.is_empty() || !self.is_connected() {
            self.effects.push(Effect::Exit);
            return;
        }
        for index in 0..self.children.len() {
            self.kill(now, index, DEFAULT_GRACE);
        }
    }

    /// Begins to kill a task, or brings a kill that is under way forward.
    fn kill(&mut self, now: Duration, index: usize, grace: Duration) {
        let child = &mut self.children[index];
        if let Some(kill) = &mut child.kill {
            kill.escalation.repeat(grace);
            return;
        }
        child.kill = Some(Kill { escalation: Escalation::begin(now, grace), is_escalated: false });
        if child.max_completion != MaxCompletion::Reached {
            child.max_completion = MaxCompletion::Unlimited;
        }
        let task_id = child.task_id().clone();
        info!("Killing task {}, with a grace period of {}", task_id.value, format_duration(grace));
        let is_asked_for = child.max_completion != MaxCompletion::Reached;
        self.effects.push(Effect::StopChecks(task_id));
        if is_asked_for && self.has_capability(capability::Type::TaskKillingState) {
            self.update(index, TaskState::TaskKilling, None, None);
        }
        self.signal(index);
    }

    /// Sends the signal that a kill is at. A container that is not launched yet gets it afterwards, and an agent that is away
    /// when it is back.
    fn signal(&mut self, index: usize) {
        let child = &self.children[index];
        let Some(kill) = child.kill.filter(|_| child.launch == Launch::Launched) else { return };
        if self.is_connected() {
            let signal = if kill.is_escalated { Signal::Kill } else { Signal::Term };
            self.effects.push(Effect::Signal(child.container_id.clone(), signal));
        }
    }

    /// A container could not be signalled: it has ended, or the agent cannot. A SIGKILL is repeated in a second.
    pub(super) fn signal_failed(
        &mut self,
        now: Duration,
        container_id: &v1::ContainerId,
        signal: Signal,
        why: &str,
    ) {
        let Some(index) = self.index_of(container_id) else { return };
        let child = &mut self.children[index];
        warn!("failed to signal task '{}': {why}", child.task_id().value);
        if let Some(kill) = &mut child.kill
            && signal == Signal::Kill
        {
            kill.is_escalated = false;
            kill.escalation = Escalation::begin(now, Duration::from_secs(1));
        }
    }

    /// Something is due.
    pub(super) fn expire(&mut self, now: Duration) {
        for index in 0..self.children.len() {
            let child = &mut self.children[index];
            if matches!(child.max_completion, MaxCompletion::Until(deadline) if deadline <= now) {
                info!("Killing task {}, which exceeded its maximum completion time", child.task_id().value);
                child.max_completion = MaxCompletion::Reached;
                self.kill(now, index, Duration::ZERO);
            }
            let child = &mut self.children[index];
            if let Some(kill) = &mut child.kill
                && !kill.is_escalated
                && kill.escalation.deadline() <= now
            {
                kill.is_escalated = true;
                info!("Task '{}' did not terminate in time, sending SIGKILL", child.task_id().value);
                self.signal(index);
            }
        }
        if self.exit_deadline.is_some_and(|deadline| deadline <= now) {
            self.effects.push(Effect::Exit);
        }
    }

    /// A check has something to report.
    pub(super) fn checked(&mut self, now: Duration, task_id: &v1::TaskId, report: Report) {
        let Some(index) = self.children.iter().position(|child| child.task_id() == task_id) else { return };
        let child = &self.children[index];
        if child.kill.is_some() || !self.is_connected() {
            return;
        }
        let mut status = child.last.clone();
        let kill = report.apply(&mut status);
        self.send(status);
        if kill {
            let (group, grace) = (self.children[index].group, self.children[index].grace_period());
            self.unhealthy_groups.push(group);
            self.kill(now, index, grace.unwrap_or(DEFAULT_GRACE));
        }
    }

    /// Exits once nothing runs and the agent knows it all.
    fn exit_if_done(&mut self) {
        if self.children.is_empty() && self.groups > 0 && self.unacknowledged == 0 {
            self.effects.push(Effect::Exit);
        }
    }

    fn update(&mut self, index: usize, state: TaskState, reason: Option<Reason>, message: Option<String>) {
        let status = self.children[index].status(state, reason, message);
        self.send(status);
    }

    fn send(&mut self, status: v1::TaskStatus) {
        if let Some(child) = self.children.iter_mut().find(|child| *child.task_id() == status.task_id) {
            child.last = status.clone();
        }
        self.unacknowledged += 1;
        self.effects.push(Effect::Update(Box::new(status)));
    }

    fn index_of(&self, container_id: &v1::ContainerId) -> Option<usize> {
        self.children.iter().position(|child| child.container_id == *container_id)
    }
}

/// What the agent is to launch for a task.
fn launch_call(child: &Child, container_ip: &str) -> v1::agent::call::LaunchContainer {
    let task = &child.task;
    let mut command = task.command.clone().unwrap_or_default();
    let allocated = task.resources.first().and_then(|resource| resource.allocation_info.as_ref());
    let role = allocated.and_then(|allocation| allocation.role.clone()).unwrap_or_default();
    let variable = |name: &str, value: &str| v1::environment::Variable {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..v1::environment::Variable::default()
    };
    let environment = command.environment.get_or_insert_default();
    environment.variables.push(variable("MESOS_CONTAINER_IP", container_ip));
    environment.variables.push(variable("MESOS_ALLOCATION_ROLE", &role));
    v1::agent::call::LaunchContainer {
        container_id: child.container_id.clone(),
        command: Some(command),
        resources: task.resources.clone(),
        container: container_with_volumes(task),
        limits: task.limits.clone(),
    }
}

/// The task's container, and in it the persistent volumes of its resources, which are in the executor's sandbox.
fn container_with_volumes(task: &v1::TaskInfo) -> Option<v1::ContainerInfo> {
    use v1::volume::{Source, source};
    let mut container = task.container.clone();
    let disks = task.resources.iter().filter_map(|resource| resource.disk.as_ref()?.volume.as_ref());
    for volume in disks {
        let mesos = || {
            let kind = v1::container_info::Type::Mesos.into();
            Box::new(v1::ContainerInfo { r#type: kind, ..v1::ContainerInfo::default() })
        };
        let sandbox_path = source::SandboxPath {
            r#type: Some(source::sandbox_path::Type::Parent.into()),
            path: volume.container_path.clone(),
        };
        container.get_or_insert_with(mesos).volumes.push(v1::Volume {
            mode: volume.mode,
            container_path: volume.container_path.clone(),
            source: Some(Source {
                r#type: Some(source::Type::SandboxPath.into()),
                sandbox_path: Some(sandbox_path),
                ..Source::default()
            }),
            ..v1::Volume::default()
        });
    }
    container.map(|container| *container)
}

#[cfg(test)]
mod tests;
