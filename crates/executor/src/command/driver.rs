//! Waits for what happens and does what is to be done about it.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tepui_client::SubscribeError;
use tepui_client::executor::{Environment, Event, Events, Updates};
use tepui_linux::{Process, Signal};
use tepui_proto::v1::framework_info::capability;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};
use tepui_types::{Uuid, duration_from_proto, format_duration};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::launch;
use crate::checks::{Beside, Checks, Children, Place, Report, empty_status};
use crate::escalation::Escalation;
use crate::flags::Flags;
use crate::outcome::{self, Cause};
use crate::variables::Variables;

/// How long a killed task gets when nobody says.
const DEFAULT_GRACE: Duration = Duration::from_secs(3);

/// How much sooner than the agent's the executor's patience ends on SHUTDOWN, to be able to tell of it.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(2);

/// How long a subscribed agent may leave the last update unacknowledged.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// How the executor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Done,
    /// Somebody does not know what became of the task.
    Failed,
}

/// The task, from launch to end.
#[derive(Debug)]
enum Task {
    /// None was launched.
    None,
    Running(Box<Running>),
    /// Its last update is on the way to the agent. The deadline counts while there is a subscription.
    Ended {
        update: Uuid,
        deadline: Option<Duration>,
    },
}

#[derive(Debug)]
struct Running {
    task_id: v1::TaskId,
    process: Process,
    kill_policy: Option<v1::KillPolicy>,
    completion_deadline: Option<Duration>,
    kill: Option<(Cause, Escalation)>,
    /// SIGKILL was sent.
    is_escalated: bool,
    /// The last update, whose contents those of checks keep.
    last: v1::TaskStatus,
    /// What its check is, if it has one: each update tells so.
    check: Option<v1::check_info::Type>,
}

#[derive(Debug)]
pub(super) struct Driver {
    environment: Environment,
    variables: Variables,
    flags: Flags,
    updates: Updates,
    began: Instant,
    task: Task,
    /// The task that it has or had.
    launched: Option<v1::TaskId>,
    checks: Checks,
    /// The processes of checks, which are not ours to reap.
    children: Children,
    can_tell_killing: bool,
    /// The agent is gone for good, or we are for the agent.
    is_alone: bool,
}

impl Driver {
    pub(super) fn new(
        environment: Environment,
        variables: Variables,
        flags: Flags,
        updates: Updates,
    ) -> Self {
        Self {
            environment,
            variables,
            flags,
            updates,
            began: Instant::now(),
            task: Task::None,
            launched: None,
            checks: Checks::new(),
            children: Children::default(),
            can_tell_killing: false,
            is_alone: false,
        }
    }

    /// Runs until the executor has nothing left to do.
    pub(super) async fn run(mut self, mut events: Events) -> End {
        let mut children = match signal(SignalKind::child()) {
            Ok(children) => children,
            Err(error) => {
                error!("failed to watch for children: {error}");
                return End::Failed;
            }
        };
        loop {
            let deadline = self.deadline();
            let happened = tokio::select! {
                biased;
                () = ended(&self.task) => self.reap(),
                event = events.next(), if !self.is_alone => self.take(event),
                (_, report) = self.checks.next() => self.checked(report),
                () = until(self.began, deadline) => self.expire(),
                _ = children.recv() => self.reap_orphans(),
            };
            if let Some(end) = happened {
                return end;
            }
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When something is due, if nothing happens first.
    fn deadline(&self) -> Option<Duration> {
        match &self.task {
            Task::None => None,
            Task::Ended { deadline, .. } => *deadline,
            Task::Running(running) => {
                let kill = running
                    .kill
                    .filter(|_| !running.is_escalated)
                    .map(|(_, escalation)| escalation.deadline());
                [kill, running.completion_deadline].into_iter().flatten().min()
            }
        }
    }

    fn take(&mut self, event: Result<Event, SubscribeError>) -> Option<End> {
        match event {
            Ok(Event::Subscribed(subscribed)) => {
                info!("Subscribed executor on {}", subscribed.agent_info.hostname);
                self.can_tell_killing = has_killing_state(&subscribed.framework_info);
                self.await_acknowledgement();
                None
            }
            Ok(Event::Disconnected { .. }) => {
                if let Task::Ended { deadline, .. } = &mut self.task {
                    *deadline = None;
                }
                None
            }
            Ok(Event::Launch(task)) => {
                self.launch(&task);
                None
            }
            Ok(Event::LaunchGroup(_)) => {
                error!("LAUNCH_GROUP event is not supported");
                self.shutdown()
            }
            Ok(Event::Kill { task_id, kill_policy }) => {
                self.kill_asked(&task_id, kill_policy.as_ref());
                None
            }
            Ok(Event::Acknowledged { uuid, .. }) => self.acknowledged(&uuid),
            Ok(Event::Shutdown) => self.shutdown(),
            Ok(Event::Error(message)) => {
                error!("Error: {message}");
                None
            }
            Ok(Event::Message(_) | Event::Heartbeat) => None,
            Err(SubscribeError::Ended) => self.agent_is_lost(),
            Err(
                refused @ (SubscribeError::GaveUp { .. }
                | SubscribeError::Refused { .. }
                | SubscribeError::Protocol { .. }),
            ) => {
                error!("{refused}");
                self.agent_is_lost()
            }
        }
    }

    /// Nobody will hear of the task any more.
    fn agent_is_lost(&mut self) -> Option<End> {
        self.is_alone = true;
        match &self.task {
            Task::None | Task::Ended { .. } => Some(End::Failed),
            Task::Running(_) => self.shutdown(),
        }
    }

    fn launch(&mut self, task: &v1::TaskInfo) {
        if self.launched.as_ref() == Some(&task.task_id) {
            // The agent has missed that we have it.
            info!("Ignoring the launch of task {}, which was launched", task.task_id.value);
            return;
        }
        if !matches!(self.task, Task::None) {
            let message = "Attempted to run multiple tasks using a \"command\" executor".to_owned();
            self.updates.send(status(&task.task_id, None, TaskState::TaskFailed, None, Some(message)));
            return;
        }
        self.launched = Some(task.task_id.clone());
        let check = task.check.as_ref().map(|check| check.r#type());
        self.updates.send(status(&task.task_id, check, TaskState::TaskStarting, None, None));
        info!("Starting task {}", task.task_id.value);
        let process = match launch::launch(task, &self.variables, &self.flags, &self.environment.sandbox) {
            Ok(process) => process,
            Err(error) => {
                error!("{error}");
                let message = Some(error.to_string());
                self.end(status(&task.task_id, check, TaskState::TaskFailed, None, message));
                return;
            }
        };
        info!("Forked command at {}", process.pid());
        let max_completion_time = task.max_completion_time.as_ref().map(duration_from_proto);
        let completion_deadline =
            max_completion_time.filter(|time| !time.is_zero()).map(|time| self.now().saturating_add(time));
        let running = status(&task.task_id, check, TaskState::TaskRunning, None, None);
        self.updates.send(running.clone());
        self.begin_checks(task);
        self.task = Task::Running(Box::new(Running {
            task_id: task.task_id.clone(),
            process,
            kill_policy: task.kill_policy,
            completion_deadline,
            kill: None,
            is_escalated: false,
            last: running,
            check,
        }));
    }

    fn begin_checks(&mut self, task: &v1::TaskInfo) {
        let beside = Beside {
            directory: self.environment.sandbox.clone(),
            variables: self.variables.clone(),
            children: self.children.clone(),
        };
        if let Err(error) = self.checks.add(task, &Place::Beside(Arc::new(beside))) {
            error!("Failed to check task {}: {error}", task.task_id.value);
        }
    }

    /// A check has something to report.
    fn checked(&mut self, report: Report) -> Option<End> {
        let Task::Running(running) = &mut self.task else { return None };
        let kill = report.apply(&mut running.last);
        self.updates.send(running.last.clone());
        if kill {
            let grace = running.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
            let grace = grace.map_or(DEFAULT_GRACE, duration_from_proto);
            self.kill(grace, Cause::Unhealthy);
        }
        None
    }

    fn kill_asked(&mut self, task_id: &v1::TaskId, policy: Option<&v1::KillPolicy>) {
        let Task::Running(running) = &mut self.task else {
            warn!("Ignoring a kill for task {}, which is not running", task_id.value);
            return;
        };
        if running.task_id != *task_id {
            warn!("Ignoring a kill for task {}, which is not this executor's", task_id.value);
            return;
        }
        let graces = [policy, running.kill_policy.as_ref()];
        let grace = graces.into_iter().flatten().find_map(|policy| policy.grace_period.as_ref());
        let grace = grace.map_or(DEFAULT_GRACE, duration_from_proto);
        info!("Received kill for task {} with grace period of {}", task_id.value, format_duration(grace));
        self.kill(grace, Cause::Asked);
    }

    fn shutdown(&mut self) -> Option<End> {
        info!("Shutting down");
        match self.task {
            Task::None => Some(End::Done),
            // Its last update is on the way.
            Task::Ended { .. } => None,
            Task::Running(_) => {
                let grace = self.environment.shutdown_grace_period.saturating_sub(SHUTDOWN_MARGIN);
                self.kill(grace, Cause::Asked);
                None
            }
        }
    }

    /// Begins to kill the task, or brings a kill that is under way forward.
    fn kill(&mut self, grace: Duration, cause: Cause) {
        let now = self.now();
        let Task::Running(running) = &mut self.task else { return };
        running.completion_deadline = None;
        if let Some((_, escalation)) = &mut running.kill {
            escalation.repeat(grace);
            return;
        }
        running.kill = Some((cause, Escalation::begin(now, grace)));
        let pid = running.process.pid();
        if self.can_tell_killing && cause != Cause::MaxCompletionTime {
            let killing = status(&running.task_id, running.check, TaskState::TaskKilling, None, None);
            self.updates.send(killing);
        }
        self.checks.stop(&running.task_id);
        info!("Sending SIGTERM to process tree at pid {pid}");
        if let Err(error) = tepui_linux::signal_tree(pid, Signal::TERM) {
            error!("Failed to signal the process tree rooted at pid {pid}: {error}");
            let _ = Signal::TERM.send(pid);
        }
        info!("Scheduling escalation to SIGKILL in {} from now", format_duration(grace));
    }

    fn expire(&mut self) -> Option<End> {
        let now = self.now();
        match &mut self.task {
            Task::None => None,
            Task::Ended { .. } => {
                error!("Did not receive an acknowledgement of the terminal status update from the agent");
                Some(End::Failed)
            }
            Task::Running(running) => {
                if running.completion_deadline.is_some_and(|deadline| deadline <= now) {
                    info!(
                        "Killing task {}, which exceeded its maximum completion time",
                        running.task_id.value
                    );
                    self.kill(Duration::ZERO, Cause::MaxCompletionTime);
                } else if running.kill.is_some_and(|(_, escalation)| escalation.deadline() <= now) {
                    running.is_escalated = true;
                    let pid = running.process.pid();
                    info!(
                        "Process {pid} did not terminate in time, sending SIGKILL to process tree at {pid}"
                    );
                    kill_tree(pid);
                }
                None
            }
        }
    }

    /// The task's process has ended, and is not reaped.
    fn reap(&mut self) -> Option<End> {
        let Task::Running(running) = &mut self.task else { return None };
        let pid = running.process.pid();
        kill_leftovers(pid);
        let killed = running.kill.map(|(cause, _)| cause);
        let (state, reason, message) = match running.process.wait() {
            Ok(status) => outcome::of(status, killed),
            Err(error) => {
                (TaskState::TaskFailed, None, format!("Failed to get exit status for Command: {error}"))
            }
        };
        info!("{message} (pid: {pid})");
        let mut last = status(&running.task_id, running.check, state, reason, Some(message));
        if killed == Some(Cause::Unhealthy) {
            last.healthy = Some(false);
        }
        self.end(last);
        // The leftovers are ours to reap, and so is whoever hid behind the task's process.
        self.reap_orphans();
        self.is_alone.then_some(End::Failed)
    }

    fn end(&mut self, last: v1::TaskStatus) {
        self.checks.stop(&last.task_id);
        let update = self.updates.send(last);
        self.task = Task::Ended { update, deadline: None };
        self.await_acknowledgement();
    }

    fn await_acknowledgement(&mut self) {
        let until = self.now().saturating_add(ACKNOWLEDGEMENT_TIMEOUT);
        if let Task::Ended { deadline, .. } = &mut self.task {
            *deadline = Some(until);
        }
    }

    fn acknowledged(&mut self, uuid: &[u8]) -> Option<End> {
        match &self.task {
            Task::Ended { update, .. } if Uuid::from_slice(uuid) == Some(*update) => Some(End::Done),
            Task::None | Task::Running(_) | Task::Ended { .. } => None,
        }
    }

    fn reap_orphans(&self) -> Option<End> {
        let mut own = self.children.pids();
        if let Task::Running(running) = &self.task {
            own.push(running.process.pid());
        }
        if let Err(error) = tepui_linux::reap_orphans(&own) {
            warn!("failed to reap orphans of the task: {error}");
        }
        None
    }
}

/// A fresh update; nothing of earlier ones is in it.
fn status(
    task_id: &v1::TaskId,
    check: Option<v1::check_info::Type>,
    state: TaskState,
    reason: Option<Reason>,
    message: Option<String>,
) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: task_id.clone(),
        state: state.into(),
        reason: reason.map(i32::from),
        message,
        check_status: check.map(empty_status),
        ..v1::TaskStatus::default()
    }
}

fn has_killing_state(framework: &v1::FrameworkInfo) -> bool {
    framework.capabilities.iter().any(|capability| capability.r#type() == capability::Type::TaskKillingState)
}

/// Kills what the task's ended process left behind. Everything that descends from it is ours now, so if it is our
/// only child, which is the usual case, there is nothing to look for.
fn kill_leftovers(pid: u32) {
    match tepui_linux::children() {
        Ok(children) if children.iter().all(|child| *child == pid) => {}
        Ok(_) | Err(_) => kill_tree(pid),
    }
}

fn kill_tree(pid: u32) {
    // The task's own tree, and orphans that left its session, which are our children.
    let mut roots = tepui_linux::children().unwrap_or_default();
    roots.push(pid);
    if let Err(error) = tepui_linux::kill_trees(&roots) {
        error!("Failed to kill the process tree rooted at pid {pid}: {error}");
        let _ = Signal::KILL.send(pid);
    }
}

/// Until the task's process has ended; forever, if none runs.
async fn ended(task: &Task) {
    let Task::Running(running) = task else { return std::future::pending().await };
    if let Err(error) = wait(&running.process).await {
        // Unwatched it could run on forever; `reap` waits for the end.
        error!("failed to watch the task: {error}");
        let _ = Signal::KILL.send(running.process.pid());
    }
}

async fn wait(process: &Process) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; a `PidFd` is one open descriptor for as long as it is borrowed"
    )]
    let handle = AsyncFd::with_interest(process.handle().as_fd(), Interest::READABLE)?;
    handle.readable().await.map(drop)
}

async fn until(began: Instant, deadline: Option<Duration>) {
    match deadline.and_then(|deadline| began.checked_add(deadline)) {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
