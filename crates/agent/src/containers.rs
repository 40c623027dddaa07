//! Starts and ends the containers that the core asks for.

use std::error::Error;
use std::path::Path;

use tepui_agent_core::{Input, Launch};
use tepui_containerizer::{ContainerConfig, Containerizer, Sandbox};
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

    /// Ends a container. Its end is reported as any other.
    pub(crate) fn destroy(&mut self, container: ContainerId) {
        while self.under_way.try_join_next().is_some() {}
        let containerizer = self.containerizer.clone();
        self.under_way.spawn(async move {
            containerizer.destroy(&container).await;
        });
    }

    /// Ends all that is left.
    pub(crate) async fn destroy_all(&mut self) {
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
    let path = sandbox.path().to_owned();
    let user = launch.user.clone();
    tokio::task::spawn_blocking(move || sandbox.create(user.as_deref()))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| describe(&error))?;
    if let Err(error) =
        files.attach_sandbox(&launch.directory, launch.framework.as_str(), launch.executor.as_str())
    {
        warn!(directory = launch.directory, %error, "failed to make a sandbox readable");
    }
    let config = ContainerConfig {
        container_id: launch.container,
        command: launch.executor_info.command.clone().unwrap_or_default(),
        container: launch.executor_info.container.as_deref().cloned(),
        environment: launch.environment,
        sandbox: path,
        user: launch.user,
    };
    let launched = containerizer.launch(config).await.map_err(|error| describe(&error))?;
    Ok(launched.pid)
}

/// An error with its causes.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
