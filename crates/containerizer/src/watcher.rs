//! The life of one container.
//!
//! The order matters: as long as the launcher has not been told to take the process away, its id (and so its session's)
//! belongs to it, and whoever is found by that id is a part of the container.

use std::os::fd::AsFd;
use std::sync::{Arc, Weak};

use tepui_linux::PidFd;
use tepui_types::ContainerId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{debug, error, warn};

use crate::containerizer::Shared;
use crate::isolator::{Latest, Limitation};
use crate::launcher::{Launching, Running};
use crate::{
    ContainerConfig, Exited, FetchRequest, LaunchError, Launched, Termination, kept, launch, runtime, start,
    switchboard, termination,
};

/// Removes a container from the list when it is gone, however that came about.
pub(crate) struct Entry {
    pub(crate) container_id: ContainerId,
    /// Weak, because the watchers that hold this belong to `Shared`.
    shared: Weak<Shared>,
    /// Told how it ended. Dropped after the removal: whoever waits wakes up to a list without the container.
    report: watch::Sender<Option<Termination>>,
}

impl Entry {
    pub(crate) fn new(
        container_id: ContainerId,
        shared: Weak<Shared>,
        report: watch::Sender<Option<Termination>>,
    ) -> Self {
        Self { container_id, shared, report }
    }

    /// Takes the container off the list, as it does not run any more. A nested one stays, so that its end can be asked for.
    fn leave(&self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.lock();
        let own = &self.container_id;
        let is_nested = own.parent().is_some();
        // Those within it ended before it.
        state.containers.retain(|id, _| !is_within(id, own) && (is_nested || id != own));
        if let Some(container) = state.containers.get_mut(own) {
            container.pid = None;
        }
    }

    /// Tells whoever waits how the container ended.
    fn tell(self, termination: Termination) {
        self.report.send_replace(Some(termination));
    }
}

/// Whether one container is nested in the other, however deep.
fn is_within(id: &ContainerId, outer: &ContainerId) -> bool {
    std::iter::successors(id.parent(), |id| id.parent()).any(|parent| parent == outer)
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.report.borrow().is_none()
            && let Some(shared) = self.shared.upgrade()
        {
            shared.lock().containers.remove(&self.container_id);
        }
    }
}

pub(crate) struct Watcher {
    entry: Entry,
    destroy: Arc<Notify>,
    shared: Weak<Shared>,
}

impl Watcher {
    pub(crate) fn new(entry: Entry, destroy: Arc<Notify>, shared: Weak<Shared>) -> Self {
        Self { entry, destroy, shared }
    }

    pub(crate) async fn launch_and_watch(
        self,
        config: Arc<ContainerConfig>,
        answer: oneshot::Sender<Result<Launched, LaunchError>>,
    ) {
        match self.launch(&config).await {
            Ok(running) => {
                let pid = running.pid;
                debug!(container_id = %self.entry.container_id, pid, "container launched");
                self.note_pid(pid);
                let _ = answer.send(Ok(Launched { pid }));
                self.watch(running).await;
            }
            Err(error) => {
                drop(self.entry);
                let _ = answer.send(Err(error));
            }
        }
    }

    pub(crate) fn note_pid(&self, pid: u32) {
        if let Some(shared) = self.shared.upgrade()
            && let Some(container) = shared.lock().containers.get_mut(&self.entry.container_id)
        {
            container.pid = Some(pid);
        }
    }

    /// Starts the process. After an error nothing is left of it.
    async fn launch(&self, config: &Arc<ContainerConfig>) -> Result<Running, LaunchError> {
        let is_sandbox_made = self.fetch(config).await?;
        let shared = self.shared.upgrade().ok_or(LaunchError::Stopping)?;
        let asked = {
            let _turn = shared.turns.acquire().await;
            let (shared, config) = (Arc::clone(&shared), Arc::clone(config));
            tokio::task::spawn_blocking(move || make_ready_and_ask(&shared, &config, is_sandbox_made)).await
        };
        let (launching, wires) = asked.unwrap_or(Err(LaunchError::Stopping))?;
        match launching.running().await {
            Ok(running) => {
                connect(&shared, &config.container_id, wires);
                Ok(running)
            }
            Err(failure) => {
                let config = Arc::clone(config);
                // What fails is said there.
                let _ = tokio::task::spawn_blocking(move || clean_up(&shared, &config)).await;
                Err(failure.into())
            }
        }
    }

    /// Fetches what the command needs, into the sandbox; whether that was made for it.
    async fn fetch(&self, config: &Arc<ContainerConfig>) -> Result<bool, LaunchError> {
        let Some(first) = config.command.uris.first() else { return Ok(false) };
        let fetch = self.shared.upgrade().and_then(|shared| shared.fetch.clone());
        let Some(fetch) = fetch else {
            let count = config.command.uris.len();
            return Err(LaunchError::UrisUnsupported { first: first.value.clone(), count });
        };
        let making = Arc::clone(config);
        let made = tokio::task::spawn_blocking(move || make_sandbox(&making));
        made.await.unwrap_or(Err(LaunchError::Stopping))?;
        let request = FetchRequest {
            container_id: config.container_id.clone(),
            command: config.command.clone(),
            sandbox: config.sandbox.clone(),
            user: config.user.clone(),
        };
        tokio::select! {
            fetched = fetch.start(request) => fetched.map(|()| true).map_err(LaunchError::Fetch),
            () = self.destroy.notified() => Err(LaunchError::Destroyed(config.container_id.clone())),
        }
    }

    /// Waits for the end of the process, and for all that comes with it.
    pub(crate) async fn watch(self, running: Running) {
        let pid = running.pid;
        let id = self.entry.container_id.clone();
        let (status, limitation) = self.ended(running).await;
        let Some(shared) = self.shared.upgrade() else { return };
        for child in shared.children(&id) {
            shared.destroy(&child).await;
        }
        if !shared.groups_processes(&id) {
            shared.sweeper.kill(pid).await;
        }
        debug!(container_id = %id, pid, status, "container exited");
        let cleaning = {
            let (shared, id) = (Arc::clone(&shared), id.clone());
            tokio::task::spawn_blocking(move || clean(&shared, &id, status, limitation))
        };
        let termination = cleaning.await.unwrap_or_default();
        self.entry.leave();
        // Only now, when nobody takes it for running, may the process id pass to another.
        shared.launcher.release(pid);
        if id.parent().is_none() {
            drop(shared.exited.send(Exited { container_id: id, termination: termination.clone() }));
        }
        self.entry.tell(termination);
    }

    /// For a nested container that ended before the agent came back.
    pub(crate) fn has_ended(self, termination: Termination) {
        self.entry.tell(termination);
    }

    /// Waits for the process to end, and kills the container when asked to or when it reaches a limit. Gives its status if
    /// that can be known, and the limit.
    async fn ended(&self, running: Running) -> (Option<i32>, Option<Limitation>) {
        let Running { pid, mut end } = running;
        let id = &self.entry.container_id;
        let mut watches = self.watches();
        let mut limitation = None;
        loop {
            tokio::select! {
                status = &mut end => match status {
                    Ok(status) => return (Some(status), limitation),
                    // The launcher is gone: nobody will tell us.
                    Err(_) => break,
                },
                () = self.destroy.notified() => self.kill(pid).await,
                Some(Ok(reached)) = watches.join_next() => {
                    limitation.get_or_insert(reached);
                    self.kill(pid).await;
                }
            }
        }
        if let Err(error) = self.ended_alone(pid, &mut watches, &mut limitation).await {
            error!(container_id = %id, pid, %error, "failed to watch a container; destroying it");
        }
        let folder = self.shared.upgrade().map(|shared| shared.runtime.container(id));
        let status = folder
            .and_then(|folder| runtime::read_status(&folder).or_else(|| runtime::read_init_status(&folder)));
        (status, limitation)
    }

    fn watches(&self) -> JoinSet<Limitation> {
        let Some(shared) = self.shared.upgrade() else { return JoinSet::new() };
        let id = self.entry.container_id.clone();
        let weak = self.shared.clone();
        let latest: Latest = Arc::new(move || {
            let shared = weak.upgrade()?;
            let state = shared.lock();
            state.containers.get(&id).map(|container| Arc::clone(&container.config))
        });
        latest().map_or_else(JoinSet::new, |config| shared.isolators.watch(&config, &latest))
    }

    /// Waits for the end of a process that is nobody's child.
    async fn ended_alone(
        &self,
        pid: u32,
        watches: &mut JoinSet<Limitation>,
        limitation: &mut Option<Limitation>,
    ) -> std::io::Result<()> {
        let Some(shared) = self.shared.upgrade() else { return Ok(()) };
        let folder = shared.runtime.container(&self.entry.container_id);
        drop(shared);
        let Ok(handle) = PidFd::open(pid) else { return Ok(()) };
        if runtime::read_process(&folder) != Some(pid) {
            return Ok(());
        }
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a `PidFd` is one open descriptor for as long as it is borrowed"
        )]
        let readable = AsyncFd::with_interest(handle.as_fd(), Interest::READABLE)?;
        loop {
            tokio::select! {
                ended = readable.readable() => return ended.map(drop),
                () = self.destroy.notified() => self.kill(pid).await,
                Some(Ok(reached)) = watches.join_next() => {
                    limitation.get_or_insert(reached);
                    self.kill(pid).await;
                }
            }
        }
    }

    /// Kills the container with all that it started, innermost containers first.
    async fn kill(&self, pid: u32) {
        let Some(shared) = self.shared.upgrade() else { return };
        let id = &self.entry.container_id;
        for child in shared.children(id) {
            shared.destroy(&child).await;
        }
        if shared.groups_processes(id)
            && let Some(group) = shared.isolators.cgroups().and_then(|cgroups| cgroups.group(id))
        {
            let killed = tokio::task::spawn_blocking(move || group.kill()).await;
            if let Ok(Err(error)) = killed {
                error!(container_id = %id, %error, "failed to kill a container");
            }
        } else {
            shared.sweeper.kill(pid).await;
        }
    }
}

/// What connects us to a container that needs it.
type Wired = Option<switchboard::Wires>;

/// Makes everything ready and has the launcher start the process. Blocks. After an error nothing is left of it.
fn make_ready_and_ask(
    shared: &Shared,
    config: &ContainerConfig,
    is_sandbox_made: bool,
) -> Result<(Launching, Wired), LaunchError> {
    if !is_sandbox_made {
        make_sandbox(config)?;
    }
    let folder = shared.runtime.container(&config.container_id);
    runtime::create_folder(&folder).map_err(|source| LaunchError::File { path: folder.clone(), source })?;
    let asked = prepare_and_ask(shared, config, &folder);
    if asked.is_err() {
        clean_up(shared, config);
    }
    asked
}

fn make_sandbox(config: &ContainerConfig) -> Result<(), LaunchError> {
    let Some(sandbox) = &config.new_sandbox else { return Ok(()) };
    sandbox.create(config.user.as_deref()).map_err(|error| LaunchError::Sandbox(Arc::new(error)))
}

/// Removes what was made ready for a container that does not run.
fn clean_up(shared: &Shared, config: &ContainerConfig) {
    let cleaned = shared.isolators.clean(config).and_then(|()| shared.runtime.remove(&config.container_id));
    if let Err(error) = cleaned {
        warn!(container_id = %config.container_id, %error, "failed to clean up after a container");
    }
}

fn prepare_and_ask(
    shared: &Shared,
    config: &ContainerConfig,
    folder: &std::path::Path,
) -> Result<(Launching, Wired), LaunchError> {
    if config.container_id.parent().is_some() || config.is_standalone {
        kept::keep(folder, config).map_err(|source| LaunchError::File { path: folder.to_owned(), source })?;
    }
    let mut prepared = launch::prepare(config, folder)?;
    shared.isolators.prepare(config, &mut prepared.plan)?;
    if let Some(parent) = config.container_id.parent() {
        // An ended parent has no process, and nothing that could be entered.
        let pid = shared.lock().containers.get(parent).and_then(|container| container.pid);
        prepared.plan.parent = pid.ok_or_else(|| LaunchError::NoParent(parent.clone()))?;
    }
    let wires = switchboard::wire(shared, config, &mut prepared, folder)?;
    Ok((start::start(&shared.launcher, prepared)?, wires))
}

/// Connects us to a container that runs: if it cannot be listened to, that is no reason to lose sight of it.
fn connect(shared: &Shared, id: &ContainerId, wires: Wired) {
    match wires.map(switchboard::Wires::connect).transpose() {
        Ok(None) => {}
        Ok(Some((switchboard, work))) => {
            if let Some(container) = shared.lock().containers.get_mut(id) {
                container.switchboard = Some(switchboard);
            }
            for stream in work {
                shared.spawn(stream);
            }
        }
        Err(error) => error!(container_id = %id, %error, "failed to listen to a container"),
    }
}

/// Removes all that holds and shows an ended container, and what the agent keeps of it; of a nested one its end stays.
fn clean(
    shared: &Shared,
    id: &ContainerId,
    status: Option<i32>,
    limitation: Option<Limitation>,
) -> Termination {
    let config = shared.lock().containers.get(id).map(|container| Arc::clone(&container.config));
    let limitation =
        limitation.or_else(|| config.as_ref().and_then(|config| shared.isolators.limitation(config)));
    let termination = termination::of(status, limitation);
    let cleaned = config.map_or(Ok(()), |config| shared.isolators.clean(&config));
    let folder = shared.runtime.container(id);
    switchboard::finish(&folder);
    let forgotten = if id.parent().is_none() {
        shared.runtime.remove(id)
    } else {
        termination::keep(&folder, &termination)
    };
    if let Err(error) = cleaned.and(forgotten) {
        warn!(container_id = %id, %error, "failed to clean up after a container");
    }
    termination
}
