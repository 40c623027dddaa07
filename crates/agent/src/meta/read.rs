//! Reads Mesos' layout: what a Mesos agent left, or we.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use tepui_agent_core::{Record, Run, Speaks};
use tepui_proto::internal::status_update_record::Type as RecordType;
use tepui_proto::{MesosMessage, Raw, internal, v1};
use tepui_types::{ContainerId, ExecutorId, FrameworkId, Resources, TaskId, Upid, Uuid};
use tracing::warn;

use super::Paths;

/// What was found, as records.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) records: Vec<Record>,
    /// What cannot be read, in words.
    pub(crate) damage: Vec<String>,
}

/// Reads the whole layout. What an agent did not come to write before it was killed is no damage.
pub(crate) fn read(paths: &Paths) -> Found {
    let mut reader = Reader { paths, found: Found::default() };
    reader.agent();
    for damage in &reader.found.damage {
        tracing::error!("checkpoint: {damage}");
    }
    reader.found
}

struct Reader<'a> {
    paths: &'a Paths,
    found: Found,
}

impl Reader<'_> {
    fn agent(&mut self) {
        let operations = self.resources();
        // Without the link, whoever owns the machine wants a new agent.
        let Ok(folder) = fs::canonicalize(self.paths.latest_agent()) else { return };
        let Some(info) = self.message::<v1::AgentInfo>(&folder.join("slave.info")) else { return };
        self.found.records.push(Record::Agent(Box::new(info)));
        for entity in operations {
            self.operation(entity);
        }
        if let Some(config) = self.message(&folder.join("drain.config")) {
            self.found.records.push(Record::Drain(Some(config)));
        }
        for framework in entries(&folder.join("frameworks")) {
            self.framework(&framework);
        }
    }

    fn resources(&mut self) -> Vec<v1::Operation> {
        let target = self.paths.resources("resources_and_operations.target");
        let settled = self.paths.resources("resources_and_operations.state");
        let state = self.message::<internal::slave::ResourceState>(&target);
        let state = state.or_else(|| self.message::<internal::slave::ResourceState>(&settled));
        let (resources, operations) = match state {
            Some(state) => (state.resources, state.operations),
            None => (self.messages(&self.paths.resources("resources.info")), Vec::new()),
        };
        if !resources.is_empty() {
            self.found.records.push(Record::Resources(refined(resources)));
        }
        operations
    }

    /// An operation that has ended; its status is told again until it is acknowledged.
    fn operation(&mut self, entity: v1::Operation) {
        if !tepui_types::is_terminal_operation(entity.latest_status.state()) {
            return;
        }
        let update = internal::UpdateOperationStatusMessage {
            framework_id: entity.framework_id.clone(),
            slave_id: entity.agent_id.clone(),
            status: entity.latest_status.clone(),
            latest_status: Some(entity.latest_status.clone()),
            operation_uuid: Some(entity.uuid.clone()),
        };
        self.found.records.push(Record::Operation { entity: Box::new(entity), update: Box::new(update) });
    }

    fn framework(&mut self, folder: &Path) {
        let Some(info) = self.message::<v1::FrameworkInfo>(&folder.join("framework.info")) else { return };
        let id = name(folder);
        let info = v1::FrameworkInfo { id: Some(v1::FrameworkId { value: id.clone() }), ..info };
        let pid = fs::read_to_string(folder.join("framework.pid")).unwrap_or_default();
        // A scheduler without an address is written as one with none.
        let pid = pid.trim().parse::<Upid>().ok();
        self.found.records.push(Record::Framework { info: Box::new(info), pid });
        for executor in entries(&folder.join("executors")) {
            self.executor(&FrameworkId::new(id.as_str()), &executor);
        }
    }

    fn executor(&mut self, framework: &FrameworkId, folder: &Path) {
        let latest = folder.join("runs/latest");
        let Ok(run_folder) = fs::canonicalize(&latest) else {
            warn!(path = %latest.display(), "an executor without a latest run was left out");
            return;
        };
        let Some(info) = self.message::<Raw<v1::ExecutorInfo>>(&folder.join("executor.info")) else {
            return;
        };
        if run_folder.join("executor.sentinel").exists() {
            return;
        }
        let run = Run {
            framework: framework.clone(),
            executor: ExecutorId::new(name(folder)),
            container: ContainerId::new(name(&run_folder)),
        };
        let marker = fs::read_to_string(folder.join("executor_generated_for_command_task"));
        let is_for_command = match marker {
            Ok(text) => text.trim() == "1",
            // Compat: agents before Mesos 1.9 did not write it.
            Err(_) => info.name().starts_with("Command Executor"),
        };
        let info = Box::new(info);
        self.found.records.push(Record::Executor { run: run.clone(), info, is_for_command });
        self.processes(&run, &run_folder);
        for task in entries(&run_folder.join("tasks")) {
            self.task(&run, &task);
        }
    }

    fn processes(&mut self, run: &Run, folder: &Path) {
        let number = |path: &Path| fs::read_to_string(path).ok()?.trim().parse().ok();
        if let Some(pid) = number(&folder.join("pids/forked.pid")) {
            self.found.records.push(Record::Started { run: run.clone(), pid });
        }
        let driver = fs::read_to_string(folder.join("pids/libprocess.pid")).unwrap_or_default();
        let speaks = match driver.trim().parse::<Upid>() {
            Ok(pid) => Some(Speaks::Driver(pid)),
            Err(_) => folder.join("http.marker").exists().then_some(Speaks::Http),
        };
        if let Some(speaks) = speaks {
            self.found.records.push(Record::Connected { run: run.clone(), speaks });
        }
    }

    fn task(&mut self, run: &Run, folder: &Path) {
        let Some(mut task) = self.message::<v1::Task>(&folder.join("task.info")) else { return };
        task.resources = refined(task.resources);
        let id = TaskId::from(&task.task_id);
        self.found.records.push(Record::Task { run: run.clone(), task: Box::new(task) });
        let entries: Vec<internal::StatusUpdateRecord> = self.messages(&folder.join("task.updates"));
        let acknowledged: BTreeSet<Vec<u8>> = entries
            .iter()
            .filter(|entry| entry.r#type() == RecordType::Ack)
            .filter_map(|entry| entry.uuid.clone())
            .collect();
        let mut told = BTreeSet::new();
        for update in entries.into_iter().filter_map(|entry| entry.update) {
            let uuid = update.uuid.clone().unwrap_or_default();
            told.insert(uuid.clone());
            self.found.records.push(Record::Update { run: run.clone(), update: Box::new(update) });
            if acknowledged.contains(&uuid) {
                self.acknowledged(run, &id, &uuid);
            }
        }
        for uuid in acknowledged.difference(&told) {
            self.acknowledged(run, &id, uuid);
        }
    }

    fn acknowledged(&mut self, run: &Run, task: &TaskId, uuid: &[u8]) {
        if let Some(uuid) = Uuid::from_slice(uuid) {
            let (run, task) = (run.clone(), task.clone());
            self.found.records.push(Record::Acknowledged { run, task, uuid });
        }
    }

    /// The one message of a file; none if there is no file, or nothing in it.
    fn message<M: MesosMessage>(&mut self, path: &Path) -> Option<M> {
        self.messages(path).pop()
    }

    /// The messages of a file, up to one that was not written to its end.
    fn messages<M: MesosMessage>(&mut self, path: &Path) -> Vec<M> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.found.damage.push(format!("failed to read `{}`: {error}", path.display()));
                return Vec::new();
            }
        };
        let (messages, wrong) = split(&bytes);
        if let Some(wrong) = wrong {
            self.found.damage.push(format!("`{}` is damaged: {wrong}", path.display()));
        }
        messages
    }
}

/// Messages, each behind its length; and what is wrong behind the last good one.
fn split<M: MesosMessage>(mut bytes: &[u8]) -> (Vec<M>, Option<String>) {
    let mut messages = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        // An end that is missing was never promised upon.
        let Some((body, rest)) = rest.split_at_checked(length) else { break };
        match M::decode_checked(body) {
            Ok(message) => messages.push(message),
            Err(error) => return (messages, Some(error.to_string())),
        }
        bytes = rest;
    }
    (messages, None)
}

/// Resources in the format that we compute with; as they are if they cannot be read.
fn refined(resources: Vec<v1::Resource>) -> Vec<v1::Resource> {
    Resources::from_protos(&resources).map_or(resources, |parsed| parsed.to_protos())
}

/// The folders in a folder, in the order of their names.
fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.is_dir() && !path.is_symlink());
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
