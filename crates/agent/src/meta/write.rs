//! Writes Mesos' layout.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use prost::Message;
use tepui_agent_core::{Record, Run, Speaks, staging_task};
use tepui_proto::internal::status_update_record::Type as RecordType;
use tepui_proto::{internal, v1};
use tepui_types::Uuid;
use tracing::warn;

use super::{Paths, boot_id, stamp};

/// What Mesos writes for a scheduler without an address.
const NO_PID: &str = "@0.0.0.0:0";

/// The writer of one folder.
#[derive(Debug)]
pub(crate) struct Meta {
    paths: Paths,
    agent: Option<String>,
    resources: Vec<v1::Resource>,
    operations: BTreeMap<Uuid, v1::Operation>,
    /// Tasks that wait for their executor: Mesos has no file of them.
    queued: BTreeMap<(Run, String), v1::Task>,
    /// What is yet to be added to the updates of tasks, by the tasks' folders.
    updates: BTreeMap<PathBuf, Vec<u8>>,
}

impl Meta {
    pub(crate) fn new(paths: Paths) -> Self {
        Self {
            paths,
            agent: None,
            resources: Vec::new(),
            operations: BTreeMap::new(),
            queued: BTreeMap::new(),
            updates: BTreeMap::new(),
        }
    }

    /// Notes that the folder is ours from here on.
    pub(crate) fn mark_ours(&mut self) {
        if let Err(error) = self.try_mark_ours() {
            warn!(path = %self.paths.boot_id().display(), %error, "failed to note the boot id");
        }
    }

    fn try_mark_ours(&self) -> io::Result<()> {
        let path = self.paths.boot_id();
        let is_noted = super::recorded_boot_id(&self.paths) == Some(boot_id());
        if is_noted && !super::is_used_by_another(&self.paths) {
            return Ok(());
        }
        // Both are ours: the file that is there, and the one that takes its place.
        let fresh = path.with_extension("tepui-new");
        fs::write(&fresh, boot_id())?;
        let stamps = [stamp(&path), stamp(&fresh)].into_iter().flatten().collect::<Vec<_>>().join("\n");
        put(&self.paths.ours(), stamps.as_bytes())?;
        fs::rename(&fresh, &path)
    }

    /// Shows records as Mesos would; of what changes more than once the last.
    pub(crate) fn show(&mut self, records: &[Record]) {
        let say = |shown: io::Result<()>| {
            if let Err(error) = shown {
                warn!(%error, "failed to write Mesos' layout; the journal has it all the same");
            }
        };
        let gone: BTreeSet<&Run> = records.iter().filter_map(removed).collect();
        for record in records {
            // Nobody looks for the process of an executor that is gone.
            if let Record::Started { run, .. } | Record::Connected { run, .. } = record
                && gone.contains(run)
            {
                continue;
            }
            say(self.try_show(record));
        }
        for (task, entries) in std::mem::take(&mut self.updates) {
            say(append(&task, &entries));
        }
        // Last: an executor that is marked as gone is not looked into.
        if let Some(agent) = &self.agent {
            for run in gone {
                self.queued.retain(|(owner, _), _| owner != run);
                say(put_new(&self.paths.run(agent, run).join("executor.sentinel"), b""));
            }
        }
    }

    fn try_show(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Agent(info) => self.show_agent(info),
            Record::Anew => {
                self.agent = None;
                absent_is_fine(fs::remove_file(self.paths.latest_agent()))
            }
            Record::Resources(resources) => {
                self.resources.clone_from(resources);
                self.show_resources()
            }
            Record::Operation { entity, .. } => {
                if let Some(uuid) = Uuid::from_slice(&entity.uuid.value) {
                    self.operations.insert(uuid, entity.as_ref().clone());
                }
                self.show_resources()
            }
            Record::OperationAcknowledged(uuid) => {
                self.operations.remove(uuid);
                self.show_resources()
            }
            // Mesos has what it says of tasks that are not here in memory only.
            Record::Stray(_) | Record::StrayAcknowledged { .. } | Record::StrayForgotten { .. }
            // Their files were written, and may have been collected.
            | Record::FrameworkWas { .. } | Record::ExecutorWas { .. } => Ok(()),
            Record::Drain(_)
            | Record::Framework { .. }
            | Record::FrameworkRemoved(_)
            | Record::Executor { .. }
            | Record::Started { .. }
            | Record::Connected { .. }
            | Record::ExecutorRemoved(_)
            | Record::Queued { .. }
            | Record::Launched { .. }
            | Record::Task { .. }
            | Record::Update { .. }
            | Record::Acknowledged { .. } => match self.agent.clone() {
                Some(agent) => self.show_of_agent(&agent, record),
                None => Ok(()),
            },
        }
    }

    fn show_agent(&mut self, info: &v1::AgentInfo) -> io::Result<()> {
        let Some(id) = info.id.as_ref().map(|id| id.value.clone()) else { return Ok(()) };
        let folder = self.paths.agent(&id);
        put_message(&folder.join("slave.info"), info)?;
        self.agent = Some(id);
        link(&folder, &self.paths.latest_agent())
    }

    fn show_resources(&self) -> io::Result<()> {
        let state = internal::slave::ResourceState {
            operations: self.operations.values().cloned().collect(),
            resources: self.resources.clone(),
        };
        put_message(&self.paths.resources("resources_and_operations.state"), &state)?;
        let all: Vec<u8> = self.resources.iter().flat_map(framed).collect();
        put(&self.paths.resources("resources.info"), &all)
    }

    fn show_of_agent(&mut self, agent: &str, record: &Record) -> io::Result<()> {
        let paths = &self.paths;
        match record {
            Record::Drain(config) => {
                let path = paths.agent(agent).join("drain.config");
                match config {
                    Some(config) => put_message(&path, config),
                    None => absent_is_fine(fs::remove_file(path)),
                }
            }
            Record::Framework { info, pid } => {
                let id = info.id.as_ref().map_or("", |id| &id.value);
                let folder = paths.framework(agent, id);
                put_message(&folder.join("framework.info"), info.as_ref())?;
                let pid = pid.as_ref().map_or_else(|| NO_PID.to_owned(), ToString::to_string);
                put(&folder.join("framework.pid"), pid.as_bytes())
            }
            Record::Executor { run, info, is_for_command } => {
                let folder = paths.executor(agent, run.framework.as_str(), run.executor.as_str());
                create_folder(&folder)?;
                put_new(&folder.join("executor.info"), &framed(info.as_ref()))?;
                let flag: &[u8] = if *is_for_command { b"1" } else { b"0" };
                // Mesos does not bear an empty one.
                put(&folder.join("executor_generated_for_command_task"), flag)?;
                create_folder(&folder.join("runs"))?;
                let run = paths.run(agent, run);
                create_folder(&run)?;
                link(&run, &folder.join("runs/latest"))
            }
            Record::Started { run, pid } => {
                put_new(&paths.run(agent, run).join("pids/forked.pid"), pid.to_string().as_bytes())
            }
            Record::Connected { run, speaks } => match speaks {
                Speaks::Http => put_new(&paths.run(agent, run).join("http.marker"), b""),
                Speaks::Driver(pid) => {
                    put(&paths.run(agent, run).join("pids/libprocess.pid"), pid.to_string().as_bytes())
                }
            },
            Record::Queued { .. }
            | Record::Launched { .. }
            | Record::Task { .. }
            | Record::Update { .. }
            | Record::Acknowledged { .. } => self.show_task(agent, record),
            // Marked when all else is shown.
            Record::ExecutorRemoved(_)
            // The folder stays until it is collected with the sandboxes.
            | Record::FrameworkRemoved(_)
            | Record::Anew
            | Record::Agent(_)
            | Record::Resources(_)
            | Record::Operation { .. }
            | Record::OperationAcknowledged(_)
            | Record::Stray(_)
            | Record::StrayAcknowledged { .. }
            | Record::StrayForgotten { .. }
            | Record::FrameworkWas { .. }
            | Record::ExecutorWas { .. } => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are shown elsewhere")]
    fn show_task(&mut self, agent: &str, record: &Record) -> io::Result<()> {
        let paths = &self.paths;
        match record {
            Record::Queued { run, tasks, .. } => {
                for task in tasks {
                    let shown = staging_task(task, &run.framework);
                    self.queued.insert((run.clone(), task.task_id.value.clone()), shown);
                }
                Ok(())
            }
            Record::Launched { run, task } => {
                let key = (run.clone(), task.to_string());
                let Some(shown) = self.queued.remove(&key) else { return Ok(()) };
                let folder = paths.task(agent, run, task.as_str());
                create_folder(folder.parent().unwrap_or(&folder))?;
                create_folder(&folder)?;
                put_new(&folder.join("task.info"), &framed(&shown))
            }
            Record::Task { run, task } => {
                let folder = paths.task(agent, run, &task.task_id.value);
                self.updates.remove(&folder);
                absent_is_fine(fs::remove_file(folder.join("task.updates")))?;
                put_message(&folder.join("task.info"), task.as_ref())
            }
            Record::Update { run, update } => {
                // One that ends while it waits for its executor: Mesos shows it, too, from here on.
                let key = (run.clone(), update.status.task_id.value.clone());
                if let Some(shown) = self.queued.remove(&key) {
                    put_message(&paths.task(agent, run, &key.1).join("task.info"), &shown)?;
                }
                let kind = RecordType::Update.into();
                let update = update.as_ref();
                let entry =
                    internal::StatusUpdateRecord { r#type: kind, update: Some(update.clone()), uuid: None };
                self.add(paths.task(agent, run, &update.status.task_id.value), &entry);
                Ok(())
            }
            Record::Acknowledged { run, task, uuid } => {
                let uuid = Some(uuid.as_bytes().to_vec());
                let entry =
                    internal::StatusUpdateRecord { r#type: RecordType::Ack.into(), update: None, uuid };
                self.add(paths.task(agent, run, task.as_str()), &entry);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, task: PathBuf, entry: &internal::StatusUpdateRecord) {
        self.updates.entry(task).or_default().extend(framed(entry));
    }
}

/// The run that a record says is gone.
fn removed(record: &Record) -> Option<&Run> {
    if let Record::ExecutorRemoved(run) = record { Some(run) } else { None }
}

/// A message behind its length, as Mesos' files have it.
fn framed(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    length.into_iter().chain(body).collect()
}

fn put_message(path: &Path, message: &impl Message) -> io::Result<()> {
    put(path, &framed(message))
}

/// Writes a whole file, in one step for whoever reads it.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("tepui-new");
    let create = || File::create(&fresh);
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            create()?
        }
        other => other?,
    };
    file.write_all(bytes)?;
    fs::rename(&fresh, path)
}

/// Writes a file that is most likely not there. It may be seen empty, which to Mesos is as if it were not there.
fn put_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match File::create_new(path) {
        Ok(mut file) => file.write_all(bytes),
        Err(_) => put(path, bytes),
    }
}

/// Makes a folder in one that is most likely there.
fn create_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(path),
        made => made,
    }
}

/// Adds entries to the updates of a task.
fn append(task: &Path, entries: &[u8]) -> io::Result<()> {
    let path = task.join("task.updates");
    let open = || OpenOptions::new().create(true).append(true).open(&path);
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(task)?;
            open()?
        }
        other => other?,
    };
    file.write_all(entries)
}

/// Makes or moves a link, in one step.
fn link(target: &Path, path: &Path) -> io::Result<()> {
    match std::os::unix::fs::symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let fresh = path.with_extension("tepui-new");
    absent_is_fine(fs::remove_file(&fresh))?;
    std::os::unix::fs::symlink(target, &fresh)?;
    fs::rename(&fresh, path)
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use tepui_types::{ContainerId, ExecutorId, FrameworkId};

    use super::*;

    /// A Mesos agent that takes the folder over finds the task of each update.
    #[test]
    fn a_task_that_ends_while_it_waits_for_its_executor_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        fs::create_dir_all(paths.root().join("slaves")).unwrap();
        let mut meta = Meta::new(paths.clone());
        let id = Some(v1::AgentId { value: "S".to_owned() });
        meta.show(&[Record::Agent(Box::new(v1::AgentInfo { id, ..v1::AgentInfo::default() }))]);
        let run = Run {
            framework: FrameworkId::new("f"),
            executor: ExecutorId::new("e"),
            container: ContainerId::new("c"),
        };
        let task_id = v1::TaskId { value: "t".to_owned() };
        let task =
            v1::TaskInfo { task_id: task_id.clone(), name: "shown".to_owned(), ..v1::TaskInfo::default() };
        meta.show(&[Record::Queued { run: run.clone(), tasks: vec![task.into()], is_group: false }]);
        let shown = paths.task("S", &run, "t").join("task.info");
        assert!(!shown.exists());
        let status =
            v1::TaskStatus { task_id, state: v1::TaskState::TaskFailed.into(), ..v1::TaskStatus::default() };
        let update = internal::StatusUpdate { status, ..internal::StatusUpdate::default() };
        meta.show(&[Record::Update { run: run.clone(), update: Box::new(update) }]);
        assert!(String::from_utf8_lossy(&fs::read(shown).unwrap()).contains("shown"));
        assert!(paths.task("S", &run, "t").join("task.updates").exists());
    }
}
