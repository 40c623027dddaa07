//! The containers of this agent, from launch to end.
//!
//! Each container has a task of its own that waits for the process' end, kills whatever it left behind, reaps it and
//! reports. The order matters: as long as the process is not reaped, its id (and so its session's) belongs to it.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tepui_linux::{PidFd, Process};
use tepui_types::ContainerId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{debug, error};

use crate::sweep::Sweeper;
use crate::{ContainerConfig, LaunchError, launch};

/// A container that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The id of its first process, and of that process' session.
    pub pid: u32,
}

/// A container that has ended, with all of its processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exited {
    /// Which container.
    pub container_id: ContainerId,
    /// What `wait` said of its first process; `None` if it could not be learned.
    pub status: Option<i32>,
}

/// Launches containers, tells their ends and destroys them. Clones share the containers; when the last is dropped the
/// containers live on unwatched, as they must when an agent restarts.
#[derive(Clone, Debug)]
pub struct Containerizer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sweeper: Sweeper,
    exited: mpsc::UnboundedSender<Exited>,
    /// Locked only for a look-up or a change, never across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    containers: BTreeMap<ContainerId, Container>,
    /// The sweeper and one watcher per container; dropping it aborts them.
    tasks: JoinSet<()>,
}

/// How to reach the watcher of a container.
#[derive(Debug)]
struct Container {
    destroy: Arc<Notify>,
    /// Closed when the container is gone.
    gone: watch::Receiver<()>,
}

impl Containerizer {
    /// Makes a containerizer on the current runtime, and the end of the channel where it reports. There is one report
    /// per launched container, so the channel holds no more than there are containers.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Exited>) {
        let (exited, reports) = mpsc::unbounded_channel();
        let (sweeper, sweeping) = Sweeper::new();
        let mut state = State::default();
        state.tasks.spawn(sweeping);
        (Self { shared: Arc::new(Shared { sweeper, exited, state: Mutex::new(state) }) }, reports)
    }

    /// Starts a container. After `Ok`, exactly one [`Exited`] will be reported for it; after `Err`, none.
    pub async fn launch(&self, config: ContainerConfig) -> Result<Launched, LaunchError> {
        let container_id = config.container_id.clone();
        let (guard, gone) = watch::channel(());
        let destroy = Arc::new(Notify::new());
        {
            let mut state = self.shared.lock();
            if state.containers.contains_key(&container_id) {
                return Err(LaunchError::Exists(container_id));
            }
            state.containers.insert(container_id.clone(), Container { destroy: Arc::clone(&destroy), gone });
        }
        let watcher = Watcher {
            entry: Entry { container_id, shared: Arc::downgrade(&self.shared), _guard: guard },
            destroy,
            sweeper: self.shared.sweeper.clone(),
            exited: self.shared.exited.clone(),
        };
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            while state.tasks.try_join_next().is_some() {}
            // The launch belongs to the watcher, so that a caller who goes away leaves no process unwatched.
            state.tasks.spawn(watcher.launch_and_watch(config, answer));
        }
        answered.await.unwrap_or(Err(LaunchError::Stopping))
    }

    /// Kills all processes of a container and waits until it is gone and its end is reported. `false` if there is no
    /// such container. May be repeated, and may come while the launch is under way.
    pub async fn destroy(&self, container_id: &ContainerId) -> bool {
        let mut gone = {
            let state = self.shared.lock();
            let Some(container) = state.containers.get(container_id) else { return false };
            container.destroy.notify_one();
            container.gone.clone()
        };
        while gone.changed().await.is_ok() {}
        true
    }

    /// The containers that are launched or being launched.
    pub fn containers(&self) -> Vec<ContainerId> {
        self.shared.lock().containers.keys().cloned().collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a container from the list when it is gone, however that came about.
struct Entry {
    container_id: ContainerId,
    /// Weak, because the watchers that hold this belong to `Shared`.
    shared: std::sync::Weak<Shared>,
    /// Dropped after the removal: whoever waits in `destroy` wakes up to a list without the container.
    _guard: watch::Sender<()>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.lock().containers.remove(&self.container_id);
        }
    }
}

struct Watcher {
    entry: Entry,
    destroy: Arc<Notify>,
    sweeper: Sweeper,
    exited: mpsc::UnboundedSender<Exited>,
}

impl Watcher {
    async fn launch_and_watch(
        self,
        config: ContainerConfig,
        answer: oneshot::Sender<Result<Launched, LaunchError>>,
    ) {
        let launched = tokio::task::spawn_blocking(move || launch::launch(config)).await;
        match launched.unwrap_or(Err(LaunchError::Stopping)) {
            Ok(process) => {
                let pid = process.pid();
                debug!(container_id = %self.entry.container_id, pid, "container launched");
                let _ = answer.send(Ok(Launched { pid }));
                self.watch(process).await;
            }
            Err(error) => {
                drop(self.entry);
                let _ = answer.send(Err(error));
            }
        }
    }

    async fn watch(self, mut process: Process) {
        let pid = process.pid();
        let container_id = self.entry.container_id.clone();
        if let Err(error) = wait(process.handle(), pid, &self.destroy, &self.sweeper).await {
            error!(%container_id, pid, %error, "failed to watch a container; destroying it");
        }
        self.sweeper.kill(pid).await;
        let status = match process.try_wait() {
            Ok(Some(status)) => Ok(Some(status)),
            // Only when it could not be watched: it is being killed at the moment.
            Ok(None) => match tokio::task::spawn_blocking(move || process.wait()).await {
                Ok(status) => status.map(Some),
                Err(_) => Ok(None),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = &status {
            error!(%container_id, pid, %error, "failed to learn the exit status of a container");
        }
        let status = status.ok().flatten().map(ExitStatusExt::into_raw);
        debug!(%container_id, pid, status, "container exited");
        let _ = self.exited.send(Exited { container_id, status });
        drop(self.entry);
    }
}

/// Waits for the process to end, and kills its tree when asked to.
async fn wait(handle: &PidFd, pid: u32, destroy: &Notify, sweeper: &Sweeper) -> std::io::Result<()> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; a `PidFd` is one open descriptor for as long as it is borrowed"
    )]
    let readable = AsyncFd::with_interest(handle.as_fd(), Interest::READABLE)?;
    loop {
        tokio::select! {
            ended = readable.readable() => return ended.map(drop),
            () = destroy.notified() => sweeper.kill(pid).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use tepui_linux::ProcessTable;
    use tepui_proto::v1;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn config(sandbox: &Path, id: &str, script: &str) -> ContainerConfig {
        ContainerConfig {
            container_id: ContainerId::new(id),
            command: v1::CommandInfo { value: Some(script.into()), ..Default::default() },
            container: None,
            environment: BTreeMap::from([("GIVEN".to_owned(), "by the agent".to_owned())]),
            sandbox: sandbox.to_owned(),
            user: None,
        }
    }

    async fn next(reports: &mut mpsc::UnboundedReceiver<Exited>) -> Exited {
        tokio::time::timeout(DEADLINE, reports.recv())
            .await
            .expect("a report in time")
            .expect("a containerizer")
    }

    #[tokio::test]
    async fn output_goes_to_the_sandbox_and_the_status_is_reported() {
        let sandbox = tempfile::tempdir().unwrap();
        let (containers, mut reports) = Containerizer::new();
        let script = "echo $GIVEN in $MESOS_SANDBOX; pwd; echo oops >&2; exit 3";
        containers.launch(config(sandbox.path(), "c", script)).await.unwrap();
        let exited = next(&mut reports).await;
        assert_eq!(exited, Exited { container_id: ContainerId::new("c"), status: Some(3 << 8) });
        let path = sandbox.path().display();
        let stdout = fs::read_to_string(sandbox.path().join("stdout")).unwrap();
        assert_eq!(stdout, format!("by the agent in {path}\n{path}\n"));
        assert_eq!(fs::read_to_string(sandbox.path().join("stderr")).unwrap(), "oops\n");
    }

    #[tokio::test]
    async fn destroy_kills_everything_and_waits_for_the_end() {
        let sandbox = tempfile::tempdir().unwrap();
        let (containers, mut reports) = Containerizer::new();
        let script = "trap '' TERM; setsid sleep 1000 & sleep 1000 & wait";
        let id = ContainerId::new("c");
        let pid = containers.launch(config(sandbox.path(), "c", script)).await.unwrap().pid;
        assert!(containers.destroy(&id).await);
        assert_eq!(reports.try_recv().unwrap().status, Some(9));
        assert!(ProcessTable::read().unwrap().tree(pid).iter().all(|entry| entry.is_zombie));
        assert!(!containers.destroy(&id).await);
        assert_eq!(containers.containers(), []);
    }

    #[tokio::test]
    async fn what_a_container_leaves_behind_is_killed_before_its_end_is_reported() {
        let sandbox = tempfile::tempdir().unwrap();
        let (containers, mut reports) = Containerizer::new();
        let pid = containers.launch(config(sandbox.path(), "c", "sleep 1000 & exit 0")).await.unwrap().pid;
        assert_eq!(next(&mut reports).await.status, Some(0));
        assert!(ProcessTable::read().unwrap().tree(pid).iter().all(|entry| entry.is_zombie));
    }

    #[tokio::test]
    async fn a_refused_launch_reports_no_end_and_frees_the_id() {
        let sandbox = tempfile::tempdir().unwrap();
        let (containers, mut reports) = Containerizer::new();
        let mut bad = config(sandbox.path(), "c", "true");
        bad.command.uris.push(v1::command_info::Uri { value: "http://h/f".into(), ..Default::default() });
        let error = containers.launch(bad.clone()).await.unwrap_err();
        assert!(error.to_string().starts_with("failed to fetch `http://h/f` (1 in all)"), "{error}");
        bad.command.uris.clear();
        bad.user = Some("no-such-user".into());
        containers.launch(bad.clone()).await.unwrap_err();
        bad.user = None;
        bad.sandbox = "/no/such/sandbox".into();
        assert!(matches!(containers.launch(bad).await, Err(LaunchError::File { .. })));
        assert!(reports.try_recv().is_err());
        containers.launch(config(sandbox.path(), "c", "true")).await.unwrap();
        let again = containers.launch(config(sandbox.path(), "c", "true")).await;
        assert!(matches!(again, Err(LaunchError::Exists(_))) || next(&mut reports).await.status == Some(0));
    }

    #[tokio::test]
    async fn a_link_in_the_sandbox_is_not_followed() {
        let sandbox = tempfile::tempdir().unwrap();
        let target = sandbox.path().join("precious");
        fs::write(&target, "data").unwrap();
        std::os::unix::fs::symlink(&target, sandbox.path().join("stdout")).unwrap();
        let (containers, _reports) = Containerizer::new();
        let refused = containers.launch(config(sandbox.path(), "c", "echo x")).await;
        assert!(matches!(refused, Err(LaunchError::File { .. })));
    }

    #[tokio::test]
    async fn many_containers_end_at_once() {
        let sandbox = tempfile::tempdir().unwrap();
        let (containers, mut reports) = Containerizer::new();
        for number in 0..50 {
            containers.launch(config(sandbox.path(), &number.to_string(), "exit 0")).await.unwrap();
        }
        for _ in 0..50 {
            assert_eq!(next(&mut reports).await.status, Some(0));
        }
    }
}
