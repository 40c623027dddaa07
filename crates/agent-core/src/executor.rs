//! An executor: a container, where it listens, and its tasks. One file for each call of the executor API; `driver.rs` has
//! the messages of old drivers.

mod add;
mod call;
mod complete;
mod driver;
mod heartbeat;
mod message;
mod queue;
mod relaunch;
mod send;
mod shutdown;
mod subscribe;
mod terminated;
mod update;

use std::collections::{BTreeMap, VecDeque};

use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId, Termination, Upid};

pub(crate) use queue::{Queue, Queued};

use crate::change::{ExecutorEntity, ExecutorState};
use crate::effect::{ContainerUpdate, Effect, KnownContainer};
use crate::input::StreamId;
use crate::record::{Run, Speaks};
use crate::resources;

/// Completed tasks to remember of each executor.
pub(crate) const MAX_COMPLETED_TASKS_PER_EXECUTOR: usize = 200;

/// The resources that a task may be allowed more of than it asks for.
const LIMITED: [&str; 2] = ["cpus", "mem"];

/// An executor.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) id: ExecutorId,
    pub(crate) framework: FrameworkId,
    /// Our own id when it was launched.
    pub(crate) agent: AgentId,
    pub(crate) info: Raw<v1::ExecutorInfo>,
    pub(crate) container: ContainerId,
    pub(crate) directory: String,
    pub(crate) state: ExecutorState,
    /// Its framework asked for checkpoints when it was launched: it may outlive us.
    pub(crate) checkpoint: bool,
    /// Where its events go; none while it is not connected, or is a driver.
    pub(crate) stream: Option<StreamId>,
    /// Where its messages go, if it is a driver that has registered with this process of ours.
    pub(crate) driver: Option<Upid>,
    /// How it spoke to us, once it has.
    pub(crate) speaks: Option<Speaks>,
    /// The process in its container.
    pub(crate) pid: Option<u32>,
    /// Made by us for one command task; masters do not know it.
    pub(crate) is_for_command: bool,
    /// Waiting until it is connected, the oldest first.
    pub(crate) queued: Queue,
    /// Handed over, and nothing was heard of any of them since; kept for executors of ours only, which may be handed them
    /// again.
    pub(crate) unheard: Vec<Queued>,
    /// Handed over. In boxes, as below: a node of the map has room for eleven, and most executors have one.
    pub(crate) launched: BTreeMap<TaskId, Box<v1::Task>>,
    /// Ended, with updates that are not acknowledged.
    pub(crate) terminated: BTreeMap<TaskId, Box<v1::Task>>,
    /// Ended and acknowledged, the oldest first.
    pub(crate) completed: VecDeque<v1::Task>,
    /// Whether a task was ever handed over.
    pub(crate) was_sent_a_task: bool,
    /// What its tasks are told when it ends, if we know why it will.
    pub(crate) pending_termination: Option<Termination>,
}

impl Executor {
    /// One that has not subscribed yet.
    pub(crate) fn registering(
        run: Run,
        agent: AgentId,
        info: Raw<v1::ExecutorInfo>,
        directory: String,
        (checkpoint, is_for_command): (bool, bool),
    ) -> Self {
        Self {
            id: run.executor,
            framework: run.framework,
            agent,
            info,
            container: run.container,
            directory,
            state: ExecutorState::Registering,
            checkpoint,
            stream: None,
            driver: None,
            speaks: None,
            pid: None,
            is_for_command,
            queued: Queue::default(),
            unheard: Vec::new(),
            launched: BTreeMap::new(),
            terminated: BTreeMap::new(),
            completed: VecDeque::new(),
            was_sent_a_task: false,
            pending_termination: None,
        }
    }

    /// Tells whether any of its tasks is not completed.
    pub(crate) fn has_incomplete_tasks(&self) -> bool {
        !self.queued.is_empty() || !self.launched.is_empty() || !self.terminated.is_empty()
    }

    /// Tells whether it was connected to an earlier process of ours, and has to come back.
    pub(crate) fn is_returning(&self) -> bool {
        self.state == ExecutorState::Registering && self.speaks.is_some()
    }

    /// Tells whether it is of our own make: it does nothing until it is told to, and ignores a task that it has.
    pub(crate) fn is_built_in(&self) -> bool {
        self.is_for_command || self.info.r#type() == v1::executor_info::Type::Default
    }

    /// Tells whether it may not even know that it was handed a task.
    pub(crate) fn has_heard_nothing_of(&self, task: &TaskId) -> bool {
        self.unheard.iter().any(|lot| lot.has(task))
    }

    /// Tells whether it would hear what it is sent.
    pub(crate) fn is_connected(&self) -> bool {
        self.stream.is_some() || self.driver.is_some()
    }

    /// Its name in the journal.
    pub(crate) fn run(&self) -> Run {
        Run {
            framework: self.framework.clone(),
            executor: self.id.clone(),
            container: self.container.clone(),
        }
    }

    /// What it and its tasks use.
    pub(crate) fn resources(&self) -> Vec<v1::Resource> {
        let queued = self.queued.tasks().map(|task| &task.resources);
        let launched = self.launched.values().map(|task| &task.resources);
        let tasks: Vec<v1::Resource> = queued.chain(launched).flatten().cloned().collect();
        resources::sum(&self.info.resources, &tasks)
    }

    /// What its container is held to now: it grows and shrinks with its tasks.
    pub(crate) fn container_update(&self) -> Effect {
        Effect::UpdateContainer(Box::new(ContainerUpdate {
            container: self.container.clone(),
            resources: self.resources(),
            limits: self.limits(),
        }))
    }

    /// What it and its tasks may use at most, if any of them may use more than it asks for. A task that says nothing may use
    /// what it asks for.
    fn limits(&self) -> BTreeMap<String, f64> {
        let queued = self.queued.tasks().map(|task| (&task.limits, &task.resources));
        let launched = self.launched.values().map(|task| (&task.limits, &task.resources));
        let tasks: Vec<_> = queued.chain(launched).collect();
        let names = LIMITED.iter().filter(|name| tasks.iter().any(|(limits, _)| limits.contains_key(**name)));
        let of_tasks = |name: &str| -> f64 {
            let of_task = |limits: &BTreeMap<String, v1::value::Scalar>, resources: &[v1::Resource]| {
                limits.get(name).map_or_else(|| resources::scalar(resources, name), |limit| limit.value)
            };
            tasks.iter().map(|(limits, resources)| of_task(limits, resources)).sum()
        };
        names
            .map(|name| ((*name).to_owned(), of_tasks(name) + resources::scalar(&self.info.resources, name)))
            .collect()
    }

    /// What is known of its container.
    pub(crate) fn known_container(&self) -> KnownContainer {
        KnownContainer {
            container: self.container.clone(),
            pid: self.pid,
            framework: self.framework.clone(),
            executor: self.id.clone(),
            directory: self.directory.clone(),
            resources: self.resources(),
            limits: self.limits(),
            is_idle_at_first: self.is_built_in(),
        }
    }

    /// As readers see it.
    pub(crate) fn entity(&self) -> ExecutorEntity {
        ExecutorEntity {
            framework: self.framework.clone(),
            info: self.info.clone(),
            container: self.container.clone(),
            directory: self.directory.clone(),
            is_command_executor: self.is_for_command,
        }
    }
}
