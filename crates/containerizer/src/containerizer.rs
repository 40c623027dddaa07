//! The containers of this agent, from launch to end.
//!
//! Each container has a task of its own, its [`Watcher`], that launches it, waits for its end,
//! kills whatever it left behind, cleans up and reports. Here is what the rest of the agent may ask for.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tepui_linux::Signal;
use tepui_proto::v1;
use tepui_types::ContainerId;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::isolator::Isolators;
use crate::launcher::Launcher;
use crate::runtime::RuntimeFolder;
use crate::sweep::Sweeper;
use crate::switchboard::Switchboard;
use crate::watcher::{Entry, Watcher};
use crate::{
    ContainerClass, ContainerConfig, Exited, Fetch, IsolationError, KnownContainer, LaunchError, Launched,
    LoggerSettings, Recovered, RuntimeError, Settings, StartError, Termination,
};

/// How many containers are made ready at a time. One that is stuck (in a file system, in the database of users) must not hold up
/// the others.
const TURNS: usize = 16;

/// Launches containers, tells their ends and destroys them. Clones share the containers; when the last is dropped the
/// containers live on unwatched, as they must when an agent restarts.
#[derive(Clone, Debug)]
pub struct Containerizer {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sweeper: Sweeper,
    pub(crate) launcher: Launcher,
    pub(crate) runtime: RuntimeFolder,
    pub(crate) isolators: Isolators,
    pub(crate) fetch: Option<Fetch>,
    /// What makes containers ready takes turns: more at a time than there are processors is no faster, and each takes a thread.
    pub(crate) turns: Semaphore,
    /// What holds the files of output to their sizes; nothing if absent.
    pub(crate) logger: Option<LoggerSettings>,
    pub(crate) exited: mpsc::UnboundedSender<Exited>,
    /// What the launcher had when we connected to it, until [`Containerizer::recover`] looks at it.
    pub(crate) survivors: Mutex<Vec<crate::launcher::Survivor>>,
    /// Locked only for a look-up or a change, never across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) containers: BTreeMap<ContainerId, Container>,
    /// The sweeper and one watcher per container; dropping it aborts them.
    pub(crate) tasks: JoinSet<()>,
}

/// What is known of a container.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) config: Arc<ContainerConfig>,
    /// Its first process, while it runs.
    pub(crate) pid: Option<u32>,
    /// Its input and output, if they go through us.
    pub(crate) switchboard: Option<Arc<Switchboard>>,
    /// Wakes its watcher up to destroy it.
    pub(crate) destroy: Arc<Notify>,
    /// How it ended. Closed without that if it never ran.
    pub(crate) ended: watch::Receiver<Option<Termination>>,
}

/// A containerizer that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ContainerizerError {
    /// The isolation that is asked for cannot be given.
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// The runtime folder cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The launcher did not start.
    #[error("failed to start the containerizer")]
    Launcher(#[from] StartError),
}

/// A container whose traces cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// It has not ended.
    #[error("container `{0}` is still running")]
    Running(ContainerId),
    /// It is not nested: its end removed what there was.
    #[error("container `{0}` is not nested")]
    NotNested(ContainerId),
    /// The file system refused.
    #[error("failed to remove container `{id}`")]
    File {
        /// Which.
        id: ContainerId,
        /// What the system said.
        source: io::Error,
    },
}

impl Containerizer {
    /// Makes a containerizer on the current runtime, and the end of the channel where it reports. There is one report
    /// per container that was launched or recovered, so the channel holds no more than there are containers.
    pub async fn start(
        settings: Settings,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Exited>), ContainerizerError> {
        let handle = tokio::runtime::Handle::current();
        let (exited, reports) = mpsc::unbounded_channel();
        let (sweeper, sweeping) = Sweeper::new();
        let Settings { runtime_dir, launcher_command, launcher_cgroups, isolation, fetch, logger } = settings;
        let started = tokio::task::spawn_blocking(move || {
            let isolators = Isolators::new(&isolation)?;
            let runtime = RuntimeFolder::open(&runtime_dir)?;
            let (launcher, survivors) =
                Launcher::start(launcher_command, launcher_cgroups, runtime.path(), handle)?;
            Ok::<_, ContainerizerError>((isolators, runtime, launcher, survivors))
        });
        let (isolators, runtime, launcher, survivors) = match started.await {
            Ok(started) => started?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let mut state = State::default();
        state.tasks.spawn(sweeping);
        let shared = Shared {
            sweeper,
            launcher,
            runtime,
            isolators,
            fetch,
            turns: Semaphore::new(TURNS),
            logger,
            exited,
            survivors: Mutex::new(survivors),
            state: Mutex::new(state),
        };
        Ok((Self { shared: Arc::new(shared) }, reports))
    }

    /// Finds the containers of an earlier run of the agent again. To be called once, before the first launch, also if no
    /// container is known. For each known container either `running` names it or an [`Exited`] is reported, and when a
    /// running one ends that is reported as of any other. What nobody knows is destroyed.
    pub async fn recover(&self, known: Vec<KnownContainer>) -> io::Result<Recovered> {
        let shared = Arc::clone(&self.shared);
        let recovered = tokio::task::spawn_blocking(move || crate::recover::recover(&shared, known));
        recovered.await.map_err(io::Error::other).flatten()
    }

    /// Starts a container. After `Ok`, exactly one [`Exited`] will be reported for it, if it is not nested; after `Err`,
    /// none. Dropping the future leaves the launch under way.
    pub async fn launch(&self, config: ContainerConfig) -> Result<Launched, LaunchError> {
        let config = Arc::new(config);
        let watcher = self.shared.admit(&config)?;
        let (answer, answered) = oneshot::channel();
        // The launch belongs to the watcher, so that a caller who goes away leaves no process unwatched.
        self.shared.spawn(watcher.launch_and_watch(config, answer));
        answered.await.unwrap_or(Err(LaunchError::Stopping))
    }

    /// Changes what a running container is promised and what it may use. `false` if there is no such container.
    ///
    /// It holds when this returns, so that who is told of more resources has them. It writes a few words to cgroups, which are
    /// in memory: that is less than to hand it to another thread.
    pub fn update(
        &self,
        container_id: &ContainerId,
        resources: Vec<v1::Resource>,
        limits: BTreeMap<String, f64>,
    ) -> io::Result<bool> {
        let config = {
            let mut state = self.shared.lock();
            let Some(container) = state.containers.get_mut(container_id) else { return Ok(false) };
            let config = Arc::make_mut(&mut container.config);
            config.resources = resources;
            config.limits = limits;
            Arc::clone(&container.config)
        };
        self.shared.isolators.update(&config).map(|()| true)
    }

    /// What a container uses; `None` if there is no such container.
    pub async fn usage(&self, container_id: &ContainerId) -> Option<v1::ResourceStatistics> {
        let (config, pid) = self.config_and_pid(container_id)?;
        let shared = Arc::clone(&self.shared);
        let measured = tokio::task::spawn_blocking(move || {
            let mut statistics = v1::ResourceStatistics { timestamp: wall_seconds(), ..Default::default() };
            promise(&config, &mut statistics);
            shared.isolators.usage(&config, pid, &mut statistics);
            statistics
        });
        measured.await.ok()
    }

    /// What a container is; `None` if there is no such container.
    pub fn status(&self, container_id: &ContainerId) -> Option<v1::ContainerStatus> {
        let (config, pid) = self.config_and_pid(container_id)?;
        let mut status = v1::ContainerStatus {
            container_id: Some(container_id.to_proto()),
            executor_pid: pid,
            ..v1::ContainerStatus::default()
        };
        self.shared.isolators.status(&config, &mut status);
        Some(status)
    }

    fn config_and_pid(&self, container_id: &ContainerId) -> Option<(Arc<ContainerConfig>, Option<u32>)> {
        let state = self.shared.lock();
        let container = state.containers.get(container_id)?;
        Some((Arc::clone(&container.config), container.pid))
    }

    /// Waits until a container has ended, with all of its processes. `None` if there is no such container or it never ran.
    /// Ended nested containers are known until they are removed or their parent ends.
    pub async fn wait(&self, container_id: &ContainerId) -> Option<Termination> {
        let mut ended = self.shared.lock().containers.get(container_id)?.ended.clone();
        let termination = ended.wait_for(Option::is_some).await.ok()?;
        termination.clone()
    }

    /// Sends a signal to the first process of a container. `false` if there is no such container, or it does not run.
    pub fn kill(&self, container_id: &ContainerId, signal: Signal) -> io::Result<bool> {
        let state = self.shared.lock();
        let Some(pid) = state.containers.get(container_id).and_then(|container| container.pid) else {
            return Ok(false);
        };
        // Under the lock: as long as the container is said to run, its process has not been taken away.
        match signal.send(pid) {
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(true),
        }
    }

    /// Kills all processes of a container, nested ones included, and waits until it is gone and its end is reported.
    /// `false` if there is no such container. May be repeated, and may come while the launch is under way.
    pub async fn destroy(&self, container_id: &ContainerId) -> bool {
        self.shared.destroy(container_id).await
    }

    /// Forgets an ended nested container and removes its sandbox. `false` if there is no such container.
    pub async fn remove(&self, container_id: &ContainerId) -> Result<bool, RemoveError> {
        let config = {
            let mut state = self.shared.lock();
            let Some(container) = state.containers.get(container_id) else { return Ok(false) };
            if container_id.parent().is_none() {
                return Err(RemoveError::NotNested(container_id.clone()));
            }
            if container.ended.borrow().is_none() {
                return Err(RemoveError::Running(container_id.clone()));
            }
            let config = Arc::clone(&container.config);
            state.containers.remove(container_id);
            config
        };
        let shared = Arc::clone(&self.shared);
        let id = container_id.clone();
        let removed = tokio::task::spawn_blocking(move || {
            shared.runtime.remove(&id)?;
            if config.class == ContainerClass::Debug {
                return Ok(());
            }
            match std::fs::remove_dir_all(&config.sandbox) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        });
        let removed = removed.await.map_err(io::Error::other).flatten();
        removed.map(|()| true).map_err(|source| RemoveError::File { id: container_id.clone(), source })
    }

    /// The containers that are launched or being launched, and the nested ones that have ended.
    pub fn containers(&self) -> Vec<ContainerId> {
        self.shared.lock().containers.keys().cloned().collect()
    }

    /// What a container was started from, its resources as they were last updated.
    pub fn config(&self, container_id: &ContainerId) -> Option<Arc<ContainerConfig>> {
        self.shared.lock().containers.get(container_id).map(|container| Arc::clone(&container.config))
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a watcher until it is done or we are dropped.
    pub(crate) fn spawn(&self, watcher: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.lock();
        while state.tasks.try_join_next().is_some() {}
        state.tasks.spawn(watcher);
    }

    /// Whether a container's processes are in a cgroup. Those that a plain launcher has started are not.
    pub(crate) fn groups_processes(&self, id: &ContainerId) -> bool {
        let group = self.isolators.cgroups().and_then(|cgroups| cgroups.group(id));
        group.is_some_and(|group| group.exists())
    }

    /// Notes a new container, and makes its watcher.
    pub(crate) fn admit(self: &Arc<Self>, config: &Arc<ContainerConfig>) -> Result<Watcher, LaunchError> {
        let id = &config.container_id;
        let (report, ended) = watch::channel(None);
        let destroy = Arc::new(Notify::new());
        let mut state = self.lock();
        // Compat: the id of a nested container that has ended may be used again.
        if state.containers.get(id).is_some_and(|container| container.ended.borrow().is_none()) {
            return Err(LaunchError::Exists(id.clone()));
        }
        if let Some(parent) = id.parent() {
            let runs = |container: &Container| container.pid.is_some() && container.ended.borrow().is_none();
            if !state.containers.get(parent).is_some_and(runs) {
                return Err(LaunchError::NoParent(parent.clone()));
            }
        }
        let container = Container {
            config: Arc::clone(config),
            pid: None,
            switchboard: None,
            destroy: Arc::clone(&destroy),
            ended,
        };
        state.containers.insert(id.clone(), container);
        let entry = Entry::new(id.clone(), Arc::downgrade(self), report);
        Ok(Watcher::new(entry, destroy, Arc::downgrade(self)))
    }

    /// The running containers directly in this one.
    pub(crate) fn children(&self, id: &ContainerId) -> Vec<ContainerId> {
        let state = self.lock();
        let runs = |container: &Container| container.ended.borrow().is_none();
        state
            .containers
            .iter()
            .filter(|(child, container)| child.parent() == Some(id) && runs(container))
            .map(|(child, _)| child.clone())
            .collect()
    }

    pub(crate) async fn destroy(&self, id: &ContainerId) -> bool {
        let mut ended = {
            let state = self.lock();
            let Some(container) = state.containers.get(id) else { return false };
            container.destroy.notify_one();
            container.ended.clone()
        };
        // An error: it never ran, and is gone.
        drop(ended.wait_for(Option::is_some).await);
        true
    }
}

/// The time of day, as statistics tell it.
fn wall_seconds() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map(|since| since.as_secs_f64()).unwrap_or_default()
}

/// Adds what a container may use.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn promise(config: &ContainerConfig, statistics: &mut v1::ResourceStatistics) {
    let megabytes = |amount: f64| (amount * f64::from(1 << 20)) as u64;
    let cpus = crate::isolator::promised(config, "cpus");
    let mem = crate::isolator::promised(config, "mem");
    let limit = |name: &str| config.limits.get(name).copied().filter(|limit| limit.is_finite());
    // Compat: cpus are no limit unless one is given.
    statistics.cpus_limit = limit("cpus");
    statistics.cpus_soft_limit = cpus;
    statistics.mem_limit_bytes = limit("mem").or(mem).map(megabytes);
    statistics.mem_soft_limit_bytes = mem.map(megabytes);
}
