//! Everything that an agent does to the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use tepui_proto::{LinkMessage, Raw, v1};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, Upid};

use crate::change::Change;
use crate::input::{RequestId, StoreId, StreamId};
use crate::record::Record;

/// What one step wants done, in order; and the journal of what it changed.
///
/// The shell folds `changes` into its view before it carries out `effects`, so whoever is answered sees their change.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be carried out in this order.
    pub effects: Vec<Effect>,
    /// What changed, for the view.
    pub changes: Vec<Change>,
    /// What is to be kept before any of the effects. Empty when a step is over: the shell finds it in `Effect::Store`.
    pub(crate) records: Vec<Record>,
}

impl Effects {
    /// Adds an effect.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Adds an entry to the journal.
    pub fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Adds a record: what this step does waits until it is kept.
    pub(crate) fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Forgets all, keeping the capacity.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.changes.clear();
        self.records.clear();
    }
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a waiting HTTP request.
    Respond {
        /// Which.
        request: RequestId,
        /// With what.
        response: Response,
    },
    /// Write an event to a stream that was opened by `Response::Subscribed`.
    SendEvent {
        /// Which.
        stream: StreamId,
        /// What.
        event: Arc<v1::executor::Event>,
    },
    /// End a stream: the terminal chunk, after what was sent before.
    CloseStream(StreamId),
    /// Send a message over the link. We speak as `Config::pid`.
    SendLink {
        /// To whom.
        to: Upid,
        /// What.
        message: LinkMessage,
    },
    /// Keep a connection to this peer and report its break as `Input::LinkBroken`. Asked again for one that is open,
    /// it does nothing; for one that broke, it opens a new one.
    OpenLink(Upid),
    /// Stop watching this peer.
    CloseLink(Upid),
    /// Keep these, in this order and after those of earlier lots. `Input::Stored` follows once they are durable.
    Store {
        /// This lot.
        id: StoreId,
        /// What it holds.
        records: Vec<Record>,
    },
    /// Find the containers that an earlier process of ours started, and end all others that are ours.
    /// `Input::ContainersRecovered` follows.
    RecoverContainers(Vec<KnownContainer>),
    /// Recovery is over: the agent looks for its master now.
    Recovered,
    /// Start a container. Exactly one of `Input::ContainerLaunched` and `Input::ContainerLaunchFailed` follows.
    Launch(Box<Launch>),
    /// Change what a running container is promised and what it may use, before what follows.
    UpdateContainer(Box<ContainerUpdate>),
    /// End a container, whether it runs or is being started. `Input::ContainerExited` follows if it ran, and for one
    /// that never runs `Input::ContainerLaunchFailed`. Unknown ones are ignored.
    Destroy(ContainerId),
    /// Nobody uses this sandbox any more: its time until it is collected begins.
    LeaveSandbox {
        /// The folder, an absolute path.
        directory: String,
    },
    /// Make or remove the folder of a persistent volume, before what follows.
    ChangeVolume {
        /// The folder, an absolute path.
        path: String,
        /// What is to become of it.
        change: VolumeChange,
    },
    /// All is ended: the process may exit. Nothing follows.
    Stopped {
        /// Why, if nobody asked for it on this machine.
        error: Option<String>,
    },
}

/// What becomes of the folder of a persistent volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeChange {
    /// It is made, if it is not there.
    Create,
    /// It is removed with all that is in it.
    Remove,
    /// What is in it is removed; it is a file system of its own.
    Empty,
}

/// A persistent volume in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeLink {
    /// The folder of the volume, an absolute path.
    pub path: String,
    /// Where the task wants to find it, relative to the sandbox.
    pub container_path: String,
}

/// A container that an earlier process of ours started, or was about to start.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownContainer {
    /// Which.
    pub container: ContainerId,
    /// Its first process, if it came so far.
    pub pid: Option<u32>,
    /// Whose.
    pub framework: FrameworkId,
    /// The executor that runs in it.
    pub executor: ExecutorId,
    /// Its sandbox, an absolute path.
    pub directory: String,
    /// The resources of the executor and its tasks.
    pub resources: Vec<v1::Resource>,
    /// What it may use at most, as in [`ContainerUpdate`].
    pub limits: BTreeMap<String, f64>,
    /// What runs in it does nothing until we tell it to: if it came to nothing, it may be started again.
    pub is_idle_at_first: bool,
}

/// What a container is made of.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The new container.
    pub container: ContainerId,
    /// Our own id, which is in the path of the sandbox.
    pub agent: AgentId,
    /// Whose.
    pub framework: FrameworkId,
    /// The executor that runs in it.
    pub executor: ExecutorId,
    /// The executor, with its command. What it is shown as; its resources lack those of its tasks.
    pub executor_info: Raw<v1::ExecutorInfo>,
    /// What to run.
    pub command: v1::CommandInfo,
    /// For a command executor, its one task.
    pub task: Option<Raw<v1::TaskInfo>>,
    /// The executor's resources and those of the first task.
    pub resources: Vec<v1::Resource>,
    /// The persistent volumes among the resources.
    pub volumes: Vec<VolumeLink>,
    /// The user to run as; ours if none.
    pub user: Option<String>,
    /// The sandbox, an absolute path, to be made.
    pub directory: String,
    /// What Mesos adds to the environment of executors; the command's own variables come on top of it.
    pub environment: BTreeMap<String, String>,
    /// Whether the framework asked for checkpoints.
    pub checkpoint: bool,
}

/// What a container is held to from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerUpdate {
    /// Which.
    pub container: ContainerId,
    /// The resources of its executor and of its tasks.
    pub resources: Vec<v1::Resource>,
    /// What it may use at most, by the resource's name; infinity is no limit. What is absent is limited by `resources`.
    pub limits: BTreeMap<String, f64>,
}

/// The answer to an executor's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 202, no body.
    Accepted,
    /// 200 and a stream of events. There is no `Mesos-Stream-Id` on the executor API.
    Subscribed {
        /// The stream that events will be sent to.
        stream: StreamId,
    },
    /// A refusal.
    Rejected(Rejection),
}

/// Why a call was refused; the shell maps `kind` to a status code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The family of refusal.
    pub kind: RejectionKind,
    /// The text of the body, in the API's own words.
    pub message: String,
}

/// The families of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// 400.
    BadRequest,
    /// 403.
    Forbidden,
    /// 406.
    NotAcceptable,
    /// 501.
    NotImplemented,
    /// 503.
    Unavailable,
}
