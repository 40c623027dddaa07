//! Starts and ends the containers that the core asks for.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use tepui_agent_core::{ContainerUpdate, Input, KnownContainer, Launch, VolumeChange, VolumeLink};
use tepui_containerizer::{
    ContainerConfig, Containerizer, PersistentVolume, Recovered, Sandbox, create_volume, empty_volume,
    remove_volume, retire_volume,
};
use tepui_types::ContainerId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::files::Files;
use crate::inbox::Work;

/// Launches and ends under way.
#[derive(Debug)]
pub(crate) struct Containers {
    containerizer: Containerizer,
    work_dir: String,
    files: Files,
    under_way: JoinSet<()>,
    inbox: mpsc::Sender<Work>,
}

impl Containers {
    /// Has no containers yet; what becomes of launches will be reported to `inbox`.
    pub(crate) fn new(
        containerizer: Containerizer,
        work_dir: String,
        files: Files,
        inbox: mpsc::Sender<Work>,
    ) -> Self {
        Self { containerizer, work_dir, files, under_way: JoinSet::new(), inbox }
    }

    /// Makes a sandbox and starts a container in it.
    pub(crate) fn launch(&mut self, launch: Launch) {
        while self.under_way.try_join_next().is_some() {}
        let containerizer = self.containerizer.clone();
        let work_dir = self.work_dir.clone();
        let files = self.files.clone();
        let inbox = self.inbox.clone();
        self.under_way.spawn(async move {
            let container = launch.container.clone();
            let input = match start(&containerizer, work_dir, files, launch).await {
                Ok(pid) => {
                    info!(%container, pid, "container launched");
                    Input::ContainerLaunched { container, pid: Some(pid) }
                }
                Err(message) => {
                    warn!(%container, message, "failed to launch a container");
                    Input::ContainerLaunchFailed { container, message }
                }
            };
            // An error means that the reactor has ended; it ends the containers that are left.
            drop(inbox.send(Work::Input(input)).await);
        });
    }

    /// Makes or removes the folder of a persistent volume. What takes long is done later, but a launch that follows finds
    /// the volume as it is to be.
    pub(crate) fn change_volume(&mut self, path: &str, change: VolumeChange) {
        while self.under_way.try_join_next().is_some() {}
        let folder = PathBuf::from(path);
        let done = match change {
            VolumeChange::Create => create_volume(&folder).map(|()| None),
            VolumeChange::Remove => retire_volume(&folder),
            // Here and now: a new volume may take the place, and must keep its data.
            VolumeChange::Empty => empty_volume(&folder).map(|()| None),
        };
        match done {
            Ok(None) => {}
            Ok(Some(retired)) => self.remove_later(retired),
            Err(error) => warn!(path, error = describe(&error), "failed to change a persistent volume"),
        }
    }

    fn remove_later(&mut self, retired: PathBuf) {
        self.under_way.spawn(async move {
            let path = retired.display().to_string();
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || remove_volume(&retired)).await {
                warn!(path, error = describe(&error), "failed to remove the data of a persistent volume");
            }
        });
    }

    /// Holds a container to more or less.
    pub(crate) fn update(&self, update: ContainerUpdate) {
        let ContainerUpdate { container, resources, limits } = update;
        if let Err(error) = self.containerizer.update(&container, resources, limits) {
            warn!(%container, %error, "failed to change what a container may use");
        }
    }

    /// Ends a container. Its end is reported as any other.
    pub(crate) fn destroy(&mut self, container: ContainerId) {
        while self.under_way.try_join_next().is_some() {}
        let containerizer = self.containerizer.clone();
        self.under_way.spawn(async move {
            containerizer.destroy(&container).await;
        });
    }

    /// Looks for the containers of an earlier process.
    pub(crate) fn recover(&mut self, known: Vec<KnownContainer>) {
        let containerizer = self.containerizer.clone();
        let files = self.files.clone();
        let inbox = self.inbox.clone();
        self.under_way.spawn(async move {
            for KnownContainer { directory, framework, executor, .. } in &known {
                if let Err(error) = files.attach_sandbox(directory, framework.as_str(), executor.as_str()) {
                    warn!(directory, %error, "failed to make a sandbox readable");
                }
            }
            let known = known.into_iter().map(|known| tepui_containerizer::KnownContainer {
                container_id: known.container,
                pid: known.pid,
                sandbox: known.directory.into(),
                user: None,
                resources: known.resources,
                limits: known.limits,
                is_idle_at_first: known.is_idle_at_first,
            });
            let found = containerizer.recover(known.collect()).await.unwrap_or_else(|error| {
                warn!(%error, "failed to look for the containers of an earlier run");
                Recovered::default()
            });
            let running = found.running.into_iter().map(|(id, launched)| (id, launched.pid)).collect();
            let unstarted = found.unstarted.into_iter().collect();
            let ended = BTreeMap::new();
            drop(inbox.send(Work::Input(Input::ContainersRecovered { running, unstarted, ended })).await);
        });
    }

    /// Lets what is under way come to its end; then leaves the containers as they are, or ends all that are left.
    pub(crate) async fn finish(&mut self, leaves: bool) {
        if leaves {
            while self.under_way.join_next().await.is_some() {}
            return;
        }
        self.under_way.abort_all();
        while self.under_way.join_next().await.is_some() {}
        for container in self.containerizer.containers() {
            self.containerizer.destroy(&container).await;
        }
    }
}

/// Does what the launch says; gives the process, or what failed as a fragment of a sentence.
async fn start(
    containerizer: &Containerizer,
    work_dir: String,
    files: Files,
    launch: Launch,
) -> Result<u32, String> {
    let sandbox = Sandbox::new(
        Path::new(&work_dir),
        &launch.agent,
        &launch.framework,
        &launch.executor,
        &launch.container,
    )
    .map_err(|error| describe(&error))?;
    if let Err(error) =
        files.attach_sandbox(&launch.directory, launch.framework.as_str(), launch.executor.as_str())
    {
        warn!(directory = launch.directory, %error, "failed to make a sandbox readable");
    }
    let limits = limits(&launch);
    let command = launch.command;
    let volumes = launch.volumes.into_iter();
    let config = ContainerConfig {
        container: launch.executor_info.container.as_deref().cloned(),
        environment: launch.environment,
        user: launch.user,
        resources: launch.resources,
        limits,
        new_sandbox: Some(sandbox.clone()),
        volumes: volumes
            .map(|VolumeLink { path, container_path }| PersistentVolume { path: path.into(), container_path })
            .collect(),
        ..ContainerConfig::new(launch.container, command, sandbox.path())
    };
    let launched = containerizer.launch(config).await.map_err(|error| describe(&error))?;
    Ok(launched.pid)
}

/// What the container of a command's executor may use at most: what its task may, and what the executor itself needs.
fn limits(launch: &Launch) -> BTreeMap<String, f64> {
    let own = |name: &str| {
        let own = launch.executor_info.resources.iter().filter(|resource| resource.name == name);
        own.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum::<f64>()
    };
    let limits = launch.task.iter().flat_map(|task| &task.limits);
    limits.map(|(name, limit)| (name.clone(), limit.value + own(name))).collect()
}

/// An error with its causes.
pub(crate) fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
