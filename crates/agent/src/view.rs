//! What readers see: a fold of the core's changes, and how it is shown. One file for each endpoint.

mod metrics;
mod state;

use std::collections::{BTreeMap, VecDeque};

use tepui_agent_core::{Change, ExecutorEntity, ExecutorState, FrameworkEntity, TaskPlace};
use tepui_fetcher::Fetcher;
use tepui_proto::v1;
use tepui_types::{ContainerId, ExecutorId, FrameworkId, TaskId, Upid, WallTime};

use crate::clock::wall;
use crate::config::Config;
use crate::files::Files;
use crate::gc::Live;

/// The level of Mesos' API that we speak. Clients parse it as three numbers.
pub(crate) const VERSION: &str = "1.11.0";

/// The agent as readers see it.
#[derive(Debug)]
pub(crate) struct View {
    config: Config,
    files: Files,
    fetcher: Fetcher,
    started: WallTime,
    agent_id: Option<String>,
    master: Option<Upid>,
    registered: bool,
    checkpointed: Vec<v1::Resource>,
    frameworks: BTreeMap<FrameworkId, Framework>,
    /// The oldest first.
    completed_frameworks: VecDeque<(FrameworkId, Framework)>,
    counters: BTreeMap<&'static str, u64>,
    /// How old a sandbox may become.
    max_age: std::time::Duration,
    /// Whether recovery has told of all executors.
    recovered: bool,
}

/// What endpoints about containers show of an executor.
#[derive(Clone, Debug)]
pub(crate) struct ShownExecutor {
    pub(crate) framework: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) source: String,
}

#[derive(Debug)]
struct Framework {
    entity: FrameworkEntity,
    executors: BTreeMap<ExecutorId, Executor>,
    /// The oldest first.
    completed_executors: VecDeque<Executor>,
}

#[derive(Debug)]
struct Executor {
    entity: ExecutorEntity,
    state: ExecutorState,
    tasks: BTreeMap<TaskId, (TaskPlace, Box<v1::Task>)>,
    /// The oldest first.
    completed: VecDeque<v1::Task>,
}

impl View {
    /// The view of an agent that has just started.
    pub(crate) fn new(config: &Config, files: Files, fetcher: Fetcher) -> Self {
        Self {
            config: config.clone(),
            files,
            fetcher,
            started: wall(),
            agent_id: None,
            master: None,
            registered: false,
            checkpointed: Vec::new(),
            frameworks: BTreeMap::new(),
            completed_frameworks: VecDeque::new(),
            counters: BTreeMap::new(),
            max_age: config.gc.delay,
            recovered: false,
        }
    }

    /// Takes one change.
    pub(crate) fn fold(&mut self, change: Change) {
        match change {
            Change::Master { pid, registered } => (self.master, self.registered) = (pid, registered),
            Change::AgentNamed(id) => self.agent_id = Some(id.to_string()),
            Change::Checkpointed(resources) => self.checkpointed = resources,
            Change::FrameworkUpdated(entity) => self.update_framework(*entity),
            Change::FrameworkCompleted(id) => {
                if let Some(framework) = self.frameworks.remove(&id) {
                    self.completed_frameworks.push_back((id, framework));
                }
            }
            Change::FrameworkForgotten(id) => self.forget_framework(&id),
            Change::FrameworkRevived(id) => {
                if let Some(at) = self.completed_frameworks.iter().position(|(completed, _)| *completed == id)
                    && let Some((id, framework)) = self.completed_frameworks.remove(at)
                {
                    self.frameworks.insert(id, framework);
                }
            }
            Change::ExecutorAdded(entity) => self.add_executor(*entity),
            Change::ExecutorChanged { framework, executor, state } => {
                if let Some(executor) = self.executor(&framework, &executor) {
                    executor.state = state;
                }
            }
            Change::ExecutorCompleted { framework, executor } => {
                if let Some(framework) = self.frameworks.get_mut(&framework)
                    && let Some(executor) = framework.executors.remove(&executor)
                {
                    framework.completed_executors.push_back(executor);
                }
            }
            Change::ExecutorForgotten { framework, container } => {
                self.forget_executor(&framework, &container);
            }
            Change::TaskChanged { executor, place, task } => self.change_task(&executor, place, task),
            Change::TaskForgotten { framework, executor, task } => {
                if let Some(executor) = self.executor(&framework, &executor)
                    && let Some(at) =
                        executor.completed.iter().position(|done| done.task_id.value == task.as_str())
                {
                    executor.completed.remove(at);
                }
            }
            Change::Counted(counter) => *self.counters.entry(counter).or_default() += 1,
        }
    }

    fn update_framework(&mut self, entity: FrameworkEntity) {
        let Some(id) = entity.info.id.as_ref().map(FrameworkId::from) else { return };
        if let Some(framework) = self.frameworks.get_mut(&id) {
            framework.entity = entity;
        } else {
            let (executors, completed_executors) = (BTreeMap::new(), VecDeque::new());
            self.frameworks.insert(id, Framework { entity, executors, completed_executors });
        }
    }

    fn forget_framework(&mut self, id: &FrameworkId) {
        let Some(at) = self.completed_frameworks.iter().position(|(completed, _)| completed == id) else {
            return;
        };
        if let Some((_, framework)) = self.completed_frameworks.remove(at) {
            for executor in framework.completed_executors {
                self.files.detach_sandbox(&executor.entity.directory);
            }
        }
    }

    fn add_executor(&mut self, entity: ExecutorEntity) {
        let Some(framework) = self.frameworks.get_mut(&entity.framework) else { return };
        let id = ExecutorId::from(&entity.info.executor_id);
        let state = ExecutorState::Registering;
        framework
            .executors
            .insert(id, Executor { entity, state, tasks: BTreeMap::new(), completed: VecDeque::new() });
    }

    fn forget_executor(&mut self, framework: &FrameworkId, container: &ContainerId) {
        let Some(framework) = self.frameworks.get_mut(framework) else { return };
        let completed = &mut framework.completed_executors;
        if let Some(at) = completed.iter().position(|executor| executor.entity.container == *container)
            && let Some(executor) = completed.remove(at)
        {
            self.files.detach_sandbox(&executor.entity.directory);
        }
    }

    fn change_task(&mut self, executor: &ExecutorId, place: TaskPlace, task: Box<v1::Task>) {
        let Some(executor) = self.executor(&FrameworkId::from(&task.framework_id), executor) else { return };
        let id = TaskId::from(&task.task_id);
        if place == TaskPlace::Completed {
            executor.tasks.remove(&id);
            executor.completed.push_back(*task);
        } else {
            executor.tasks.insert(id, (place, task));
        }
    }

    fn executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) -> Option<&mut Executor> {
        self.frameworks.get_mut(framework)?.executors.get_mut(executor)
    }

    /// What is shown of the executors that have a container, by that.
    #[expect(deprecated, reason = "readers find `source` there")]
    pub(crate) fn shown_executors(&self) -> BTreeMap<ContainerId, ShownExecutor> {
        let running = self.executors().filter(|executor| executor.state != ExecutorState::Terminated);
        let shown = running.map(|executor| {
            let ExecutorEntity { framework, info, container, .. } = &executor.entity;
            let shown = ShownExecutor {
                framework: framework.to_string(),
                id: info.executor_id.value.clone(),
                name: info.name.clone().unwrap_or_default(),
                source: info.source.clone().unwrap_or_default(),
            };
            (container.clone(), shown)
        });
        shown.collect()
    }

    /// All executors that are not completed.
    fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.frameworks.values().flat_map(|framework| framework.executors.values())
    }

    /// What is not completed; `None` until recovery has told of all.
    pub(crate) fn live(&self) -> Option<Live> {
        let sandboxes = self.executors().map(|executor| {
            let tasks = executor.tasks.keys().map(ToString::to_string).collect();
            (executor.entity.directory.as_str().into(), tasks)
        });
        self.recovered.then(|| Live {
            agent: self.agent_id.clone(),
            frameworks: self.frameworks.keys().map(ToString::to_string).collect(),
            sandboxes: sandboxes.collect(),
        })
    }

    /// Whether all executors are known here.
    pub(crate) fn has_recovered(&self) -> bool {
        self.recovered
    }

    /// From now on all executors are known here.
    pub(crate) fn recovered(&mut self) {
        self.recovered = true;
    }

    /// Makes the sandboxes of executors that ended in an earlier process readable, as far as they are there.
    pub(crate) fn attach_completed_sandboxes(&self) {
        let completed = self.completed_frameworks.iter().map(|(_, framework)| framework);
        for framework in completed.chain(self.frameworks.values()) {
            for Executor { entity, .. } in &framework.completed_executors {
                let executor = &entity.info.executor_id.value;
                // The others have been collected.
                if std::path::Path::new(&entity.directory).is_dir() {
                    let _ = self.files.attach_sandbox(&entity.directory, entity.framework.as_str(), executor);
                }
            }
        }
    }

    /// Shows how old a sandbox may become.
    pub(crate) fn set_max_age(&mut self, age: std::time::Duration) {
        self.max_age = age;
    }

    /// What executors that are not completed, and their tasks, use.
    fn used(&self) -> Vec<v1::Resource> {
        self.executors().flat_map(Executor::resources).cloned().collect()
    }
}

impl Executor {
    /// What it and those of its tasks that have not ended use.
    fn resources(&self) -> impl Iterator<Item = &v1::Resource> {
        let own = (self.state != ExecutorState::Terminated).then_some(&self.entity.info.resources);
        own.into_iter().flatten().chain(self.tasks_resources())
    }

    /// What those of its tasks that have not ended use.
    fn tasks_resources(&self) -> impl Iterator<Item = &v1::Resource> {
        let open = self.tasks.values().filter(|(place, _)| *place != TaskPlace::Terminated);
        open.flat_map(|(_, task)| &task.resources)
    }

    /// Its tasks that stand there.
    fn tasks_at(&self, wanted: TaskPlace) -> impl Iterator<Item = &v1::Task> {
        self.tasks.values().filter(move |(place, _)| *place == wanted).map(|(_, task)| task.as_ref())
    }
}
