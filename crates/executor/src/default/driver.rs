//! Does what the core says: sends updates, and has the agent make, signal and wait for containers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tepui_client::CallError;
use tepui_client::executor::{Environment, Events, Updates};
use tepui_client::operator::Operator;
use tepui_proto::v1;
use tepui_proto::v1::agent::{Call, call};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use super::check_container::CheckContainer;
use super::core::{Core, Effect, Launched, Signal};
use super::ending::Waited;
use crate::checks::{Checks, Place};

/// How long an agent that cannot tell of a container is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// Where the links to the sandboxes of tasks are.
const TASKS: &str = "tasks";
const CONTAINERS: &str = "containers";

/// How to reach the agent's API.
#[derive(Clone, Debug)]
pub(super) struct Agent(Arc<Environment>);

impl Agent {
    /// A connection of its own.
    pub(super) fn operator(&self) -> Operator {
        let Self(environment) = self;
        let path = environment.path.strip_suffix("/executor").unwrap_or(&environment.path);
        let operator = Operator::new(environment.agent.clone()).at_path(path).without_timeout();
        match environment.authorization() {
            Some(authorization) => operator.with_authorization(authorization),
            None => operator,
        }
    }
}

/// What the agent answered.
#[derive(Debug)]
enum Answer {
    Launched(v1::ContainerId, Launched),
    /// With the number of the subscription that it was asked on.
    Waited(v1::ContainerId, u64, Waited),
    SignalFailed(v1::ContainerId, Signal, String),
}

#[derive(Debug)]
pub(super) struct Driver {
    agent: Agent,
    updates: Updates,
    core: Core,
    checks: Checks,
    began: Instant,
    calls: JoinSet<Option<Answer>>,
    /// Waits of an earlier subscription are not heard.
    subscription: u64,
    retries: mpsc::UnboundedReceiver<v1::ContainerId>,
    /// One entry at most per container.
    retry: mpsc::UnboundedSender<v1::ContainerId>,
}

impl Driver {
    pub(super) fn new(environment: Environment, updates: Updates) -> Self {
        let container_ip = container_ip(&environment);
        let (retry, retries) = mpsc::unbounded_channel();
        Self {
            agent: Agent(Arc::new(environment)),
            updates,
            core: Core::new(fastrand::u64(..), container_ip),
            checks: Checks::new(),
            began: Instant::now(),
            calls: JoinSet::new(),
            subscription: 0,
            retries,
            retry,
        }
    }

    /// Runs until the core says that nothing is left to do.
    pub(super) async fn run(mut self, mut events: Events) {
        loop {
            let deadline = self.core.deadline();
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Ok(event) => {
                        if matches!(event, tepui_client::executor::Event::Subscribed(_)) {
                            self.subscription += 1;
                        }
                        let unacknowledged = self.updates.unacknowledged();
                        self.core.take(self.began.elapsed(), event, unacknowledged);
                    }
                    Err(error) => {
                        error!("{error}");
                        self.core.agent_is_lost();
                    }
                },
                Some(answer) = self.calls.join_next() => {
                    if let Ok(Some(answer)) = answer {
                        self.answered(answer);
                    }
                }
                (task_id, report) = self.checks.next() => {
                    self.core.checked(self.began.elapsed(), &task_id, report);
                }
                Some(container_id) = self.retries.recv() => self.wait(container_id),
                () = until(self.began, deadline) => self.core.expire(self.began.elapsed()),
            }
            for effect in self.core.take_effects() {
                if effect == Effect::Exit {
                    return;
                }
                self.perform(effect);
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        let now = self.began.elapsed();
        match answer {
            Answer::Launched(container_id, result) => self.core.launched(now, &container_id, result),
            Answer::Waited(_, subscription, _) if subscription != self.subscription => {}
            Answer::Waited(container_id, _, waited) => self.core.waited(now, &container_id, waited),
            Answer::SignalFailed(container_id, signal, why) => {
                self.core.signal_failed(now, &container_id, signal, &why);
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Update(status) => drop(self.updates.send(*status)),
            Effect::Launch(launch) => {
                let operator = self.agent.operator();
                self.calls.spawn(async move { Some(launch_container(operator, *launch).await) });
            }
            Effect::Wait(container_id) => self.wait(container_id),
            Effect::WaitLater(container_id) => {
                let retry = self.retry.clone();
                self.calls.spawn(async move {
                    tokio::time::sleep(RETRY).await;
                    // Nobody is left to hear of an error.
                    let _ = retry.send(container_id);
                    None
                });
            }
            Effect::Signal(container_id, signal) => {
                let operator = self.agent.operator();
                self.calls.spawn(kill_container(operator, container_id, signal));
            }
            Effect::LinkSandbox { task_id, container_id } => {
                if let Err(error) = link(&self.agent.0.sandbox, &task_id.value, &container_id.value) {
                    warn!("failed to link the sandbox of task '{}': {error}", task_id.value);
                }
            }
            Effect::BeginChecks(task, container_id) => {
                let container = CheckContainer::new(self.agent.clone(), container_id);
                if let Err(error) = self.checks.add(&task, &Place::InContainer(Arc::new(container))) {
                    error!("Failed to check task '{}': {error}", task.task_id.value);
                }
            }
            Effect::StopChecks(task_id) => self.checks.stop(&task_id),
            Effect::PauseChecks => self.checks.pause(),
            Effect::ResumeChecks => self.checks.resume(),
            Effect::Exit => {}
        }
    }

    fn wait(&mut self, container_id: v1::ContainerId) {
        let operator = self.agent.operator();
        let subscription = self.subscription;
        self.calls.spawn(async move {
            let waited = wait_container(operator, container_id.clone()).await;
            Some(Answer::Waited(container_id, subscription, waited))
        });
    }
}

async fn launch_container(mut operator: Operator, launch: call::LaunchContainer) -> Answer {
    let container_id = launch.container_id.clone();
    let call = Call {
        r#type: Some(call::Type::LaunchContainer.into()),
        launch_container: Some(launch),
        ..Call::default()
    };
    let result = match operator.agent(&call).await {
        Ok(_) => Launched::Done,
        Err(CallError::Refused { status, message, .. }) if status != StatusCode::SERVICE_UNAVAILABLE => {
            Launched::Refused(message)
        }
        Err(error) => {
            warn!("failed to hear whether a container was launched: {error}");
            tokio::time::sleep(RETRY).await;
            Launched::Unknown
        }
    };
    Answer::Launched(container_id, result)
}

async fn wait_container(mut operator: Operator, container_id: v1::ContainerId) -> Waited {
    let call = Call {
        r#type: Some(call::Type::WaitContainer.into()),
        wait_container: Some(call::WaitContainer { container_id }),
        ..Call::default()
    };
    match operator.agent(&call).await {
        Ok(response) => match response.and_then(|response| response.wait_container) {
            Some(waited) => Waited::Ended(Box::new(waited)),
            None => Waited::Refused("the answer does not tell of the container".to_owned()),
        },
        Err(CallError::Refused { status: StatusCode::NOT_FOUND, .. }) => Waited::NotFound,
        Err(CallError::Refused { status: StatusCode::SERVICE_UNAVAILABLE, .. } | CallError::Transport(_)) => {
            Waited::Unavailable
        }
        Err(error @ (CallError::Refused { .. } | CallError::NotSubscribed | CallError::NoLeader(_))) => {
            Waited::Refused(error.to_string())
        }
        // Cut off in the middle.
        Err(CallError::Answer { .. }) => Waited::Unavailable,
    }
}

async fn kill_container(
    mut operator: Operator,
    container_id: v1::ContainerId,
    signal: Signal,
) -> Option<Answer> {
    let number = match signal {
        Signal::Term => tepui_linux::Signal::TERM,
        Signal::Kill => tepui_linux::Signal::KILL,
    };
    let call = Call {
        r#type: Some(call::Type::KillContainer.into()),
        kill_container: Some(call::KillContainer {
            container_id: container_id.clone(),
            signal: Some(number.as_raw()),
        }),
        ..Call::default()
    };
    match operator.agent(&call).await {
        // One that has ended needs no signal; its end is being waited for.
        Ok(_) | Err(CallError::Refused { status: StatusCode::NOT_FOUND, .. }) => None,
        Err(error) => Some(Answer::SignalFailed(container_id, signal, error.to_string())),
    }
}

/// `tasks/<task>` leads to `containers/<container>`: by that, people and the web UI find a task's files.
fn link(sandbox: &Path, task_id: &str, container_id: &str) -> std::io::Result<()> {
    let tasks = sandbox.join(TASKS);
    std::fs::create_dir_all(&tasks)?;
    std::os::unix::fs::symlink(sandbox.join(CONTAINERS).join(container_id), tasks.join(task_id))
}

/// The address of the executor's network, which is its tasks', too.
fn container_ip(environment: &Environment) -> String {
    std::env::var("LIBPROCESS_IP").unwrap_or_else(|_| environment.agent.host().to_owned())
}

async fn until(began: Instant, deadline: Option<Duration>) {
    match deadline.and_then(|deadline| began.checked_add(deadline)) {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
