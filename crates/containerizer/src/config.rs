//! What a containerizer and its containers are made from, and what it tells of their end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use crate::{IsolationSettings, LoggerSettings, Sandbox};
use tepui_proto::v1;
use tepui_types::{ContainerId, Termination};

/// What a containerizer is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder for what must not survive a reboot; nobody else's.
    pub runtime_dir: PathBuf,
    /// How the launcher is started: a program and its arguments, `argv[0]` not among them. With the argument `switchboard` in
    /// their place the program must call [`crate::switchboard_process`].
    pub launcher_command: Vec<OsString>,
    /// The cgroups, by their folders, that a new launcher is moved to, and its containers with it.
    pub launcher_cgroups: Vec<PathBuf>,
    /// What holds containers to their resources.
    pub isolation: IsolationSettings,
    /// What fetches the files that a command names. Without it, commands with URIs are refused.
    pub fetch: Option<Fetch>,
    /// How large the files of output may become. Without it there is no limit.
    pub logger: Option<LoggerSettings>,
}

impl Settings {
    /// The settings of a containerizer in this folder, and defaults for all else.
    pub fn new(runtime_dir: impl Into<PathBuf>, launcher_command: Vec<OsString>) -> Self {
        Self {
            runtime_dir: runtime_dir.into(),
            launcher_command,
            launcher_cgroups: Vec::new(),
            isolation: IsolationSettings::default(),
            fetch: None,
            logger: None,
        }
    }
}

/// Fetches what the URIs of a command name into its sandbox. Dropping the future must end the work.
#[derive(Clone)]
pub struct Fetch(Arc<dyn Fn(FetchRequest) -> Fetching + Send + Sync>);

/// The work of a [`Fetch`]; the error says what failed: "failed to fetch `...`: ...".
pub type Fetching = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Fetch {
    /// Fetches by calling this function.
    pub fn new(fetch: impl Fn(FetchRequest) -> Fetching + Send + Sync + 'static) -> Self {
        Self(Arc::new(fetch))
    }

    pub(crate) fn start(&self, request: FetchRequest) -> Fetching {
        (self.0)(request)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetch")
    }
}

/// What is to be fetched before a container starts.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// For which container.
    pub container_id: ContainerId,
    /// The command, with its URIs.
    pub command: v1::CommandInfo,
    /// Where to put the files.
    pub sandbox: PathBuf,
    /// Whose they will be; the agent's own user's if absent.
    pub user: Option<String>,
}

/// What a container is started from.
#[derive(Clone, Debug)]
pub struct ContainerConfig {
    /// Its id; no two containers share one. With a parent it is nested, and the parent must run.
    pub container_id: ContainerId,
    /// What to run.
    pub command: v1::CommandInfo,
    /// What the container is to be allowed and to see.
    pub container: Option<v1::ContainerInfo>,
    /// What kind of container it is.
    pub class: ContainerClass,
    /// The environment that the agent gives. Variables of the command win over it.
    pub environment: BTreeMap<String, String>,
    /// The folder that it runs in, with `stdout` and `stderr`. It exists, unless it is new.
    pub sandbox: PathBuf,
    /// The same, if it is yet to be made.
    pub new_sandbox: Option<Sandbox>,
    /// Whom it runs as; the agent's own user if absent.
    pub user: Option<String>,
    /// The resources that it is promised (requests).
    pub resources: Vec<v1::Resource>,
    /// What it may use at most, by the resource's name; infinity is no limit. What is absent is limited by `resources`.
    pub limits: BTreeMap<String, f64>,
    /// The persistent volumes among the resources.
    pub volumes: Vec<PersistentVolume>,
    /// The folder to start in, if it is not the sandbox.
    pub directory: Option<PathBuf>,
    /// Whether no executor and no framework belong to it: it was started by a call of the agent's API. It is known to the
    /// containerizer alone, also after a restart of the agent.
    pub is_standalone: bool,
}

impl ContainerConfig {
    /// A container that runs this command in this folder, and nothing else.
    pub fn new(container_id: ContainerId, command: v1::CommandInfo, sandbox: impl Into<PathBuf>) -> Self {
        Self {
            container_id,
            command,
            container: None,
            class: ContainerClass::Default,
            environment: BTreeMap::new(),
            sandbox: sandbox.into(),
            new_sandbox: None,
            user: None,
            resources: Vec::new(),
            limits: BTreeMap::new(),
            volumes: Vec::new(),
            directory: None,
            is_standalone: false,
        }
    }
}

/// The kinds of containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerClass {
    /// One that is held to its own resources.
    #[default]
    Default,
    /// One that looks into its parent: it shares the parent's namespaces and resources.
    Debug,
}

/// A persistent volume that a container is to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistentVolume {
    /// The folder of the volume, an absolute path.
    pub path: PathBuf,
    /// Where the container wants to find it, relative to the sandbox.
    pub container_path: String,
}

/// A container that an earlier run of the agent had launched.
#[derive(Clone, Debug)]
pub struct KnownContainer {
    /// Which; never a nested one, those follow their parents.
    pub container_id: ContainerId,
    /// Its first process, if the agent learned of it. Used if the runtime folder knows nothing.
    pub pid: Option<u32>,
    /// Its sandbox.
    pub sandbox: PathBuf,
    /// Whom it runs as.
    pub user: Option<String>,
    /// The resources that it is promised.
    pub resources: Vec<v1::Resource>,
    /// What it may use at most.
    pub limits: BTreeMap<String, f64>,
    /// What runs in it does nothing until the agent tells it to. If it is not there, it does not matter whether it was.
    pub is_idle_at_first: bool,
}

/// What was found of an earlier run of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The known containers that run.
    pub running: Vec<(ContainerId, Launched)>,
    /// Known containers that were never started, or did nothing: they may be launched. Of those that are neither here nor
    /// among the running, an [`Exited`] is reported.
    pub unstarted: Vec<ContainerId>,
    /// Containers of nobody; they are being destroyed, and nothing is reported of them.
    pub orphans: Vec<ContainerId>,
}

/// A container that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The id of its first process, and of that process' session.
    pub pid: u32,
}

/// A container that has ended, with all of its processes.
#[derive(Clone, Debug, PartialEq)]
pub struct Exited {
    /// Which container; never a nested one.
    pub container_id: ContainerId,
    /// How.
    pub termination: Termination,
}
