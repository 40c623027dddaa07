//! The scheduler behind `tepui execute`.

use std::time::Duration;

use tepui_client::operator::Operator;
use tepui_client::scheduler::{self, Calls, Event, Events};
use tepui_client::{Address, CallError, Masters, SubscribeError};
use tepui_proto::v1;
use tepui_proto::v1::offer::operation;
use tepui_types::{DEFAULT_ROLE, Resources, ResourcesError, is_terminal};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::capacity::{Capacity, capacity};
use super::follow::follow;
use super::{Options, Outcome, explain};
use crate::print::{Printed, note};

/// How often the agents' sizes are looked at while the task waits for an offer.
const CAPACITY_INTERVAL: Duration = Duration::from_secs(2);

/// When the agents' sizes are looked at first: an offer usually comes before.
const FIRST_CAPACITY_LOOK: Duration = Duration::from_millis(300);

/// What the executor of a group takes for itself.
const EXECUTOR_RESOURCES: &str = "cpus:0.1;mem:32;disk:32";

/// How long a lost master may stay away.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a task could not be run to its end.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// No master was there.
    #[error(
        "failed to reach a master at `{master}`\nhint: is a master running there? `tepui local` starts a whole cluster"
    )]
    NoMaster {
        /// Where it was looked for.
        master: Masters,
        /// What happened.
        source: CallError,
    },
    /// The subscription was refused, or has ended.
    #[error("failed to subscribe")]
    Subscribe(#[from] SubscribeError),
    /// The master ended the subscription.
    #[error("the master refused the framework: {0}")]
    Refused(String),
    /// A call was refused.
    #[error("failed to call the master")]
    Call(#[from] CallError),
    /// The task's or an offer's resources make no sense.
    #[error("failed to read resources")]
    Resources(#[from] ResourcesError),
    /// No agent can ever run the task.
    #[error("the task needs {needed}, more than any agent has: {}\nhint: ask for less", .agents.join(" | "))]
    TooLarge {
        /// What the task needs.
        needed: String,
        /// What each agent has.
        agents: Vec<String>,
    },
    /// Signals cannot be waited for.
    #[error("failed to listen for signals")]
    Signals(#[from] std::io::Error),
    /// The user gave up before the task was launched.
    #[error("interrupted before the task was launched")]
    Interrupted,
    /// The user did not wait for the task's end.
    #[error("interrupted before the task had ended")]
    Abandoned,
}

/// Runs the task to its end, printing its states and, if `follow` is set, its output.
///
/// # Errors
/// The task could not be launched, or the master was lost for good.
pub async fn run(options: &Options) -> Result<Outcome, ExecuteError> {
    let settings = scheduler::Options {
        content_type: options.content_type,
        give_up_after: Some(PATIENCE),
        ..scheduler::Options::default()
    };
    let (calls, events) = scheduler::subscribe(options.masters.clone(), options.framework.clone(), settings);
    let mut execution = Execution {
        options,
        needed: needed(options)?,
        calls,
        operator: Operator::of_masters(options.masters.clone()),
        phase: Phase::Subscribing,
        agent: None,
        left: options.tasks.iter().map(|task| task.task_id.clone()).collect(),
        failed: None,
        followed: Vec::new(),
        followers: Vec::new(),
        interrupts: 0,
        ended: watch::Sender::new(false),
        has_waited_for_agents: false,
    };
    // The subscription would look for a master with patience; a user who is wrong about the address wants to know.
    if let Err(reason) = execution.operator.get("/version").await {
        return Err(ExecuteError::NoMaster { master: options.masters.clone(), source: reason });
    }
    let outcome = execution.drive(events).await;
    execution.finish().await;
    outcome
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not subscribed so far.
    Subscribing,
    /// Waiting for an offer.
    Waiting,
    /// Launched.
    Launched,
}

struct Execution<'a> {
    options: &'a Options,
    needed: Resources,
    calls: Calls,
    operator: Operator,
    phase: Phase,
    /// Where the task runs, and where that agent listens.
    agent: Option<(v1::AgentId, Option<Address>)>,
    /// The tasks that have not ended.
    left: Vec<v1::TaskId>,
    /// The first that did not end well.
    failed: Option<Outcome>,
    /// Whose output is shown.
    followed: Vec<v1::TaskId>,
    followers: Vec<JoinHandle<()>>,
    ended: watch::Sender<bool>,
    has_waited_for_agents: bool,
    interrupts: u32,
}

impl Execution<'_> {
    async fn drive(&mut self, mut events: Events) -> Result<Outcome, ExecuteError> {
        let first_look = tokio::time::Instant::now() + FIRST_CAPACITY_LOOK;
        let mut capacity_timer = tokio::time::interval_at(first_look, CAPACITY_INTERVAL);
        let kill_after = self.options.kill_after.unwrap_or(Duration::MAX);
        let deadline = tokio::time::sleep(kill_after.min(Duration::from_secs(u32::MAX.into())));
        tokio::pin!(deadline);
        let mut is_due = false;
        let mut interrupts = Interrupts::new()?;
        loop {
            tokio::select! {
                event = events.next() => {
                    if let Some(outcome) = self.take(event?).await? {
                        return Ok(outcome);
                    }
                }
                _ = capacity_timer.tick(), if self.phase == Phase::Waiting => self.check_capacity().await?,
                () = &mut deadline, if !is_due => {
                    is_due = true;
                    self.kill("the time of --kill_after is over").await?;
                }
                () = interrupts.next() => self.interrupted().await?,
            }
        }
    }

    /// Takes an event; the task's outcome, once it is known.
    async fn take(&mut self, event: Event) -> Result<Option<Outcome>, ExecuteError> {
        match event {
            Event::Subscribed(subscribed) => {
                if self.phase == Phase::Subscribing {
                    note(&format!("subscribed as framework {}", subscribed.framework_id.value));
                    self.phase = Phase::Waiting;
                }
            }
            Event::Disconnected { reason } => note(&format!("lost the master ({reason}); trying again")),
            Event::Offers(offers) => self.offers(offers).await?,
            Event::Update(status) => return self.update(&status).await,
            Event::Error(message) => return Err(ExecuteError::Refused(message)),
            Event::Failure(failure) => {
                if let Some(agent) = failure.agent_id.filter(|_| failure.executor_id.is_none()) {
                    note(&format!("agent {} is lost", agent.value));
                }
            }
            Event::Message(message) => {
                note(&format!("the executor says: {}", String::from_utf8_lossy(&message.data)));
            }
            Event::InverseOffers(_)
            | Event::Rescind(_)
            | Event::RescindInverseOffer(_)
            | Event::UpdateOperationStatus(_)
            | Event::Heartbeat => {}
        }
        Ok(None)
    }

    async fn offers(&mut self, offers: Vec<v1::Offer>) -> Result<(), ExecuteError> {
        for offer in offers {
            let mut offered = Resources::from_protos(&offer.resources)?;
            offered.unallocate();
            if self.phase == Phase::Launched || !offered.contains(&self.needed) {
                self.calls.decline(vec![offer.id], None).await?;
                continue;
            }
            self.phase = Phase::Launched;
            let names: Vec<_> = self.options.tasks.iter().map(|task| format!("`{}`", task.name)).collect();
            let what = if self.options.is_group { "task group" } else { "task" };
            let names = names.join(", ");
            note(&format!("launching {what} {names} on agent {} ({})", offer.agent_id.value, offer.hostname));
            self.agent = Some((offer.agent_id.clone(), address(&offer)));
            self.launch(offer).await?;
            self.calls.suppress(Vec::new()).await?;
        }
        Ok(())
    }

    async fn launch(&mut self, offer: v1::Offer) -> Result<(), ExecuteError> {
        let on_agent =
            |task: &v1::TaskInfo| v1::TaskInfo { agent_id: offer.agent_id.clone(), ..task.clone() };
        let tasks: Vec<_> = self.options.tasks.iter().map(on_agent).collect();
        if !self.options.is_group {
            return Ok(self.calls.launch(vec![offer.id], tasks).await?);
        }
        let executor = v1::ExecutorInfo { framework_id: self.calls.framework_id(), ..default_executor()? };
        let task_group = v1::TaskGroupInfo { tasks: tasks.into_iter().map(Into::into).collect() };
        let launch = v1::offer::Operation {
            r#type: Some(operation::Type::LaunchGroup.into()),
            launch_group: Some(operation::LaunchGroup { executor: executor.into(), task_group }),
            ..v1::offer::Operation::default()
        };
        Ok(self.calls.accept(vec![offer.id], vec![launch], None).await?)
    }

    async fn update(&mut self, status: &v1::TaskStatus) -> Result<Option<Outcome>, ExecuteError> {
        note(&explain::news(status));
        self.calls.acknowledge(status).await?;
        if self.options.follow && !self.followed.contains(&status.task_id) {
            self.follow(status);
        }
        if !is_terminal(status.state()) {
            return Ok(None);
        }
        self.left.retain(|task_id| *task_id != status.task_id);
        let outcome = Outcome {
            state: status.state(),
            message: status.message().to_owned(),
            explanation: explain::ending(status),
        };
        if !outcome.is_success() && self.failed.is_none() {
            self.failed = Some(outcome.clone());
        }
        let is_over = self.left.is_empty();
        Ok(is_over.then(|| self.failed.take().unwrap_or(outcome)))
    }

    /// Starts to show a task's output, once there is a container.
    fn follow(&mut self, status: &v1::TaskStatus) {
        let (Some((_, Some(agent))), Some(container), Some(framework)) =
            (&self.agent, &status.container_status, self.calls.framework_id())
        else {
            return;
        };
        let executor = self.executor_of(status);
        let mut folder = format!("/frameworks/{}/executors/{executor}/runs/latest", framework.value);
        if self.options.is_group {
            // A container of its own is made when the task starts; before, there is nothing to show.
            let Some(container) = container.container_id.as_ref().filter(|id| id.parent.is_some()) else {
                return;
            };
            folder = format!("{folder}/containers/{}", container.value);
        }
        self.followed.push(status.task_id.clone());
        for (name, to) in [("stdout", Printed::Stdout), ("stderr", Printed::Stderr)] {
            let operator = Operator::new(agent.clone());
            let follower = follow(operator, format!("{folder}/{name}"), to, self.ended.subscribe());
            self.followers.push(tokio::spawn(follower));
        }
    }

    /// The executor of an update's task. Those of the framework's own need not tell their id.
    fn executor_of(&self, status: &v1::TaskStatus) -> String {
        let mut tasks = self.options.tasks.iter();
        let task = tasks.find(|task| task.task_id == status.task_id);
        let own = task.and_then(|task| task.executor.as_ref()).map(|executor| &executor.executor_id);
        status.executor_id.as_ref().or(own).map_or(&status.task_id.value, |id| &id.value).clone()
    }

    async fn check_capacity(&mut self) -> Result<(), ExecuteError> {
        match capacity(&mut self.operator, &self.needed).await {
            Capacity::Enough | Capacity::Unknown => Ok(()),
            Capacity::NoAgents => {
                if !self.has_waited_for_agents {
                    self.has_waited_for_agents = true;
                    note("no agent is registered; waiting for one");
                }
                Ok(())
            }
            Capacity::TooSmall(agents) => {
                Err(ExecuteError::TooLarge { needed: self.needed.to_string(), agents })
            }
        }
    }

    /// The first Ctrl-C kills the task with its grace period; the second one waits no longer.
    async fn interrupted(&mut self) -> Result<(), ExecuteError> {
        self.interrupts += 1;
        if self.interrupts > 1 {
            return Err(ExecuteError::Abandoned);
        }
        self.kill("interrupted (once more to wait no longer)").await
    }

    async fn kill(&mut self, why: &str) -> Result<(), ExecuteError> {
        if self.phase != Phase::Launched {
            return Err(ExecuteError::Interrupted);
        }
        let what = if self.options.is_group { "task group" } else { "task" };
        note(&format!("killing the {what}: {why}"));
        let agent = self.agent.as_ref().map(|(agent, _)| agent.clone());
        for task_id in self.left.clone() {
            self.calls.kill(task_id, agent.clone(), None).await?;
        }
        Ok(())
    }

    /// Shows the rest of the output, and takes the framework down with all that it may have left.
    async fn finish(&mut self) {
        self.ended.send_replace(true);
        for follower in self.followers.drain(..) {
            // A follower does not panic; if it did, the output would end early, and the result holds.
            let _ = follower.await;
        }
        if self.phase != Phase::Subscribing {
            // The master may be gone: then there is nothing to take down.
            let _ = self.calls.teardown().await;
        }
    }
}

/// The executor of a task group.
fn default_executor() -> Result<v1::ExecutorInfo, ResourcesError> {
    Ok(v1::ExecutorInfo {
        r#type: Some(v1::executor_info::Type::Default.into()),
        executor_id: v1::ExecutorId { value: "default-executor".to_owned() },
        resources: Resources::parse(EXECUTOR_RESOURCES, DEFAULT_ROLE)?.to_protos(),
        ..v1::ExecutorInfo::default()
    })
}

/// What all tasks need together, with the executor of a group.
fn needed(options: &Options) -> Result<Resources, ResourcesError> {
    let mut needed: Vec<_> = options.tasks.iter().flat_map(|task| task.resources.clone()).collect();
    if options.is_group {
        needed.extend(default_executor()?.resources);
    }
    Resources::from_protos(&needed)
}

/// Where the offer's agent listens.
fn address(offer: &v1::Offer) -> Option<Address> {
    let address = &offer.url.as_ref()?.address;
    let host = address.ip.as_ref().or(address.hostname.as_ref())?;
    Some(Address::new(host.clone(), u16::try_from(address.port).ok()?))
}

/// The signals by which a user ends the command.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
