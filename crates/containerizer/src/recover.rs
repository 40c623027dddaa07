//! Finding the containers of an earlier run of the agent.
//!
//! The launcher knows its processes for certain. If it is gone too, the runtime folder says which process a container had;
//! its start time tells whether that is still the one. What neither a known container nor one nested in it has is nobody's.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use tepui_types::ContainerId;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::containerizer::Shared;
use crate::launcher::Running;
use crate::{
    ContainerClass, ContainerConfig, Exited, KnownContainer, Launched, Recovered, Termination, kept, runtime,
    switchboard, termination,
};

/// All that a container left behind.
#[derive(Debug, Default)]
struct Trace {
    running: Option<Running>,
    status: Option<i32>,
    /// A process was about to be started, or was.
    was_noted: bool,
}

/// Blocks on the file system and the process table.
pub(crate) fn recover(shared: &Arc<Shared>, known: Vec<KnownContainer>) -> io::Result<Recovered> {
    let mut traces = traces(shared)?;
    let mut recovered = Recovered::default();
    let mut adopted = Vec::new();
    for known in known {
        let id = known.container_id.clone();
        let trace = traces.remove(&id).unwrap_or_default();
        let trace = trace.or_process(shared, &id, known.pid);
        let can_repeat = known.is_idle_at_first;
        let config = config_of(known);
        if let Some(running) = trace.running {
            recovered.running.push((id.clone(), Launched { pid: running.pid }));
            adopt(shared, config, running);
            adopted.push(id);
        } else {
            let is_unstarted = trace.is_nothing() && is_unstarted(&config, can_repeat);
            clean_group(shared, &id)?;
            shared.runtime.remove(&id)?;
            if is_unstarted {
                recovered.unstarted.push(id);
                continue;
            }
            let termination = Termination { status: trace.status, ..Termination::default() };
            drop(shared.exited.send(Exited { container_id: id, termination }));
        }
    }
    // Parents come before those nested in them.
    for (id, trace) in traces {
        let is_ours = match id.parent() {
            Some(parent) => adopted.contains(parent),
            None => is_running_alone(shared, &id, &trace),
        };
        if is_ours && recover_nested(shared, &id, &trace) {
            if let Some(running) = trace.running {
                let config = kept::read(&shared.runtime.container(&id), &id).expect("just read");
                adopt(shared, config, running);
            }
            adopted.push(id);
        } else {
            recovered.orphans.push(id.clone());
            destroy_orphan(shared, id, trace);
        }
    }
    info!(running = recovered.running.len(), orphans = recovered.orphans.len(), "containers recovered");
    Ok(recovered)
}

/// Gathers what the launcher and the runtime folder know.
fn traces(shared: &Shared) -> io::Result<BTreeMap<ContainerId, Trace>> {
    let mut traces = BTreeMap::new();
    for id in shared.runtime.containers()? {
        let folder = shared.runtime.container(&id);
        let status = runtime::read_status(&folder);
        traces.insert(id.clone(), Trace { running: None, status, was_noted: runtime::has_process(&folder) });
    }
    let survivors = std::mem::take(&mut *shared.survivors.lock().unwrap_or_else(PoisonError::into_inner));
    for survivor in survivors {
        let id = parse(&survivor.container);
        traces.entry(id).or_default().running = Some(survivor.running);
    }
    for (id, trace) in &mut traces {
        if trace.running.is_none() && trace.status.is_none() {
            let process = runtime::read_process(&shared.runtime.container(id));
            trace.running = process.map(alone);
        }
    }
    Ok(traces)
}

impl Trace {
    fn is_nothing(&self) -> bool {
        self.running.is_none() && self.status.is_none() && !self.was_noted
    }

    /// Falls back to the process that the agent remembers, of an agent without our runtime folder (Mesos' own).
    fn or_process(mut self, shared: &Shared, id: &ContainerId, pid: Option<u32>) -> Self {
        if self.running.is_none()
            && self.status.is_none()
            && let Some(pid) = pid
            && is_noted_by_mesos(shared, id, pid)
        {
            self.running = Some(alone(pid));
        }
        self
    }
}

/// Whether the process leads a session, as the first process of every container does, of Mesos' too. Its start time is not
/// known; this makes it unlikely that the id has passed to another. From here on it is known by its start.
fn is_noted_by_mesos(shared: &Shared, id: &ContainerId, pid: u32) -> bool {
    let leads = tepui_linux::ProcessTable::read_one(pid)
        .is_some_and(|entry| !entry.is_zombie && entry.session == pid);
    let folder = shared.runtime.container(id);
    let note = || {
        std::fs::create_dir_all(&folder)?;
        runtime::write_process(&folder, &mut runtime::announce_process(&folder)?, pid)
    };
    leads && note().is_ok()
}

/// A process that is nobody's child: its handle tells of its end.
fn alone(pid: u32) -> Running {
    let (_, end) = oneshot::channel();
    Running { pid, end }
}

/// Whether a container without a trace was never started. The launcher leaves a trace before it forks, and what it has not
/// read of the earlier agent's requests it has thrown away. But the trace of a container that ended is removed, perhaps
/// before the agent has noted that it ran; its sandbox stays.
fn is_unstarted(config: &ContainerConfig, can_repeat: bool) -> bool {
    can_repeat || matches!(config.sandbox.try_exists(), Ok(false))
}

/// The id behind the text that the launcher has.
fn parse(text: &str) -> ContainerId {
    let mut parts = text.split('.');
    let root = ContainerId::new(parts.next().unwrap_or_default());
    parts.fold(root, |id, part| id.child(part))
}

fn config_of(known: KnownContainer) -> ContainerConfig {
    let KnownContainer { container_id, pid: _, sandbox, user, resources, limits, is_idle_at_first: _ } =
        known;
    let command = tepui_proto::v1::CommandInfo::default();
    ContainerConfig { user, resources, limits, ..ContainerConfig::new(container_id, command, sandbox) }
}

/// Watches a container that runs.
fn adopt(shared: &Arc<Shared>, config: ContainerConfig, running: Running) {
    let config = Arc::new(config);
    match shared.admit(&config) {
        Ok(watcher) => {
            watcher.note_pid(running.pid);
            let found = switchboard::found(&shared.runtime.container(&config.container_id));
            if let Some(container) = shared.lock().containers.get_mut(&config.container_id) {
                container.switchboard = found;
            }
            shared.spawn(watcher.watch(running));
        }
        Err(error) => warn!(container = %config.container_id, %error, "a container was found twice"),
    }
}

/// Whether this is a running container that stands alone. The agent does not know of those.
fn is_running_alone(shared: &Shared, id: &ContainerId, trace: &Trace) -> bool {
    let config = kept::read(&shared.runtime.container(id), id);
    trace.running.is_some() && config.is_some_and(|config| config.is_standalone)
}

/// Whether a nested container is one to keep. One that ended is known again at once.
fn recover_nested(shared: &Arc<Shared>, id: &ContainerId, trace: &Trace) -> bool {
    let folder = shared.runtime.container(id);
    let Some(config) = kept::read(&folder, id) else { return false };
    if config.class == ContainerClass::Debug {
        return false;
    }
    let ended = termination::read(&folder);
    match (&trace.running, ended) {
        (Some(_), None) => true,
        (running, ended) => {
            if running.is_some() {
                return false;
            }
            let termination =
                ended.unwrap_or_else(|| Termination { status: trace.status, ..Termination::default() });
            if let Ok(watcher) = shared.admit(&Arc::new(config)) {
                watcher.has_ended(termination);
            }
            true
        }
    }
}

/// Ends whoever is in the cgroups of a container, and removes them. What it asked for is not known, so all are tried.
fn clean_group(shared: &Shared, id: &ContainerId) -> io::Result<()> {
    let command = tepui_proto::v1::CommandInfo::default();
    let mut config = ContainerConfig::new(id.clone(), command, "");
    let own = tepui_proto::v1::LinuxInfo { share_cgroups: Some(false), ..Default::default() };
    config.container = Some(tepui_proto::v1::ContainerInfo { linux_info: Some(own), ..Default::default() });
    shared.isolators.clean(&config)
}

fn destroy_orphan(shared: &Arc<Shared>, id: ContainerId, trace: Trace) {
    warn!(container = %id, "destroying a container of nobody");
    let weak = Arc::downgrade(shared);
    shared.spawn(async move {
        let Some(shared) = weak.upgrade() else { return };
        let path: PathBuf = shared.runtime.container(&id);
        if let Some(running) = trace.running {
            if !shared.groups_processes(&id) {
                shared.sweeper.kill(running.pid).await;
            }
            let (ours, of) = (Arc::clone(&shared), id.clone());
            let killed = tokio::task::spawn_blocking(move || clean_group(&ours, &of)).await;
            if let Ok(Err(error)) = killed {
                warn!(path = %path.display(), %error, "failed to kill a container of nobody");
            }
            shared.launcher.release(running.pid);
        }
        let removed = tokio::task::spawn_blocking(move || {
            clean_group(&shared, &id).and_then(|()| shared.runtime.remove(&id))
        });
        if let Ok(Err(error)) = removed.await {
            warn!(path = %path.display(), %error, "failed to clean up after a container");
        }
    });
}
