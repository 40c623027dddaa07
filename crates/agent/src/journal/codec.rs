//! A record's bytes: one flat protobuf message, of which each kind of record uses some fields.

use prost::Message;
use tepui_agent_core::{Record, Run, Speaks};
use tepui_proto::{MesosMessage, Raw, internal, v1};
use tepui_types::{ContainerId, ExecutorId, FrameworkId, TaskId, Uuid};

/// The kinds of records. The numbers are in journals on disks: they never change.
mod kind {
    pub(super) const ANEW: u32 = 1;
    pub(super) const AGENT: u32 = 2;
    pub(super) const RESOURCES: u32 = 3;
    pub(super) const OPERATION: u32 = 4;
    pub(super) const OPERATION_ACKNOWLEDGED: u32 = 5;
    pub(super) const DRAIN: u32 = 6;
    pub(super) const FRAMEWORK: u32 = 7;
    pub(super) const FRAMEWORK_REMOVED: u32 = 8;
    pub(super) const EXECUTOR: u32 = 9;
    pub(super) const STARTED: u32 = 10;
    pub(super) const CONNECTED: u32 = 11;
    pub(super) const EXECUTOR_REMOVED: u32 = 12;
    pub(super) const QUEUED: u32 = 13;
    pub(super) const LAUNCHED: u32 = 14;
    pub(super) const TASK: u32 = 15;
    pub(super) const UPDATE: u32 = 16;
    pub(super) const ACKNOWLEDGED: u32 = 17;
    pub(super) const STRAY: u32 = 18;
    pub(super) const STRAY_ACKNOWLEDGED: u32 = 19;
    pub(super) const STRAY_FORGOTTEN: u32 = 20;
    pub(super) const FRAMEWORK_WAS: u32 = 21;
    pub(super) const EXECUTOR_WAS: u32 = 22;
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    framework: String,
    #[prost(string, tag = "3")]
    executor: String,
    #[prost(string, tag = "4")]
    container: String,
    #[prost(string, tag = "5")]
    task: String,
    #[prost(bytes = "vec", tag = "6")]
    uuid: Vec<u8>,
    /// Messages of Mesos.
    #[prost(bytes = "vec", repeated, tag = "7")]
    bodies: Vec<Vec<u8>>,
    #[prost(string, optional, tag = "8")]
    pid: Option<String>,
    #[prost(uint32, tag = "9")]
    process: u32,
    #[prost(bool, tag = "10")]
    flag: bool,
}

impl Entry {
    fn new(kind: u32) -> Self {
        Self { kind, ..Self::default() }
    }

    fn of(kind: u32, run: &Run) -> Self {
        Self {
            kind,
            framework: run.framework.to_string(),
            executor: run.executor.to_string(),
            container: run.container.as_str().to_owned(),
            ..Self::default()
        }
    }

    fn with<'a, M: Message + 'a>(mut self, messages: impl IntoIterator<Item = &'a M>) -> Self {
        self.bodies.extend(messages.into_iter().map(Message::encode_to_vec));
        self
    }
}

/// A record's bytes.
pub(crate) fn encode(record: &Record) -> Vec<u8> {
    let entry = match record {
        Record::Anew => Entry::new(kind::ANEW),
        Record::Agent(info) => Entry::new(kind::AGENT).with([info.as_ref()]),
        Record::Resources(all) => Entry::new(kind::RESOURCES).with(all),
        Record::Operation { entity, update } => {
            Entry::new(kind::OPERATION).with([entity.as_ref()]).with([update.as_ref()])
        }
        Record::OperationAcknowledged(uuid) => {
            Entry { uuid: uuid.as_bytes().to_vec(), ..Entry::new(kind::OPERATION_ACKNOWLEDGED) }
        }
        Record::Drain(config) => Entry::new(kind::DRAIN).with(config),
        Record::Framework { info, pid } => {
            let pid = pid.as_ref().map(ToString::to_string);
            Entry { pid, ..Entry::new(kind::FRAMEWORK) }.with([info.as_ref()])
        }
        Record::FrameworkWas { info, pid } => {
            let pid = pid.as_ref().map(ToString::to_string);
            Entry { pid, ..Entry::new(kind::FRAMEWORK_WAS) }.with([info.as_ref()])
        }
        Record::ExecutorWas { run, info, is_for_command, tasks } => {
            let entry = Entry { flag: *is_for_command, ..Entry::of(kind::EXECUTOR_WAS, run) };
            entry.with([info.as_ref()]).with(tasks)
        }
        Record::FrameworkRemoved(id) => {
            Entry { framework: id.to_string(), ..Entry::new(kind::FRAMEWORK_REMOVED) }
        }
        Record::Executor { run, info, is_for_command } => {
            Entry { flag: *is_for_command, ..Entry::of(kind::EXECUTOR, run) }.with([info.as_ref()])
        }
        Record::Started { run, pid } => Entry { process: *pid, ..Entry::of(kind::STARTED, run) },
        Record::Connected { run, speaks } => {
            let pid = match speaks {
                Speaks::Http => None,
                Speaks::Driver(pid) => Some(pid.to_string()),
            };
            Entry { pid, ..Entry::of(kind::CONNECTED, run) }
        }
        Record::ExecutorRemoved(run) => Entry::of(kind::EXECUTOR_REMOVED, run),
        Record::Queued { run, tasks, is_group } => {
            Entry { flag: *is_group, ..Entry::of(kind::QUEUED, run) }.with(tasks)
        }
        Record::Launched { run, task } => Entry { task: task.to_string(), ..Entry::of(kind::LAUNCHED, run) },
        Record::Task { run, task } => Entry::of(kind::TASK, run).with([task.as_ref()]),
        Record::Update { run, update } => Entry::of(kind::UPDATE, run).with([update.as_ref()]),
        Record::Acknowledged { run, task, uuid } => {
            let uuid = uuid.as_bytes().to_vec();
            Entry { task: task.to_string(), uuid, ..Entry::of(kind::ACKNOWLEDGED, run) }
        }
        Record::Stray(update) => Entry::new(kind::STRAY).with([update.as_ref()]),
        Record::StrayAcknowledged { framework, task, uuid } => Entry {
            framework: framework.to_string(),
            task: task.to_string(),
            uuid: uuid.as_bytes().to_vec(),
            ..Entry::new(kind::STRAY_ACKNOWLEDGED)
        },
        Record::StrayForgotten { framework, task } => Entry {
            framework: framework.to_string(),
            task: task.to_string(),
            ..Entry::new(kind::STRAY_FORGOTTEN)
        },
    };
    entry.encode_to_vec()
}

/// Reads a record's bytes; the error says what is wrong with them.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, String> {
    let entry = Entry::decode(bytes).map_err(|error| error.to_string())?;
    let run = || Run {
        framework: FrameworkId::new(entry.framework.as_str()),
        executor: ExecutorId::new(entry.executor.as_str()),
        container: ContainerId::new(entry.container.as_str()),
    };
    let task = || TaskId::new(entry.task.as_str());
    let uuid = || Uuid::from_slice(&entry.uuid).ok_or_else(|| "a uuid has not 16 bytes".to_owned());
    let pid = || entry.pid.as_deref().map(str::parse).transpose().map_err(|error| format!("{error}"));
    Ok(match entry.kind {
        kind::ANEW => Record::Anew,
        kind::AGENT => Record::Agent(Box::new(body(&entry, 0)?)),
        kind::RESOURCES => Record::Resources(bodies(&entry)?),
        kind::OPERATION => Record::Operation {
            entity: Box::new(body::<v1::Operation>(&entry, 0)?),
            update: Box::new(body::<internal::UpdateOperationStatusMessage>(&entry, 1)?),
        },
        kind::OPERATION_ACKNOWLEDGED => Record::OperationAcknowledged(uuid()?),
        kind::DRAIN => Record::Drain(bodies(&entry)?.pop()),
        kind::FRAMEWORK => Record::Framework { info: Box::new(body(&entry, 0)?), pid: pid()? },
        kind::FRAMEWORK_WAS => Record::FrameworkWas { info: Box::new(body(&entry, 0)?), pid: pid()? },
        kind::EXECUTOR_WAS => {
            let info = Box::new(body::<Raw<v1::ExecutorInfo>>(&entry, 0)?);
            let tasks = (1..entry.bodies.len()).map(|at| body(&entry, at)).collect::<Result<_, _>>()?;
            Record::ExecutorWas { run: run(), info, is_for_command: entry.flag, tasks }
        }
        kind::FRAMEWORK_REMOVED => Record::FrameworkRemoved(FrameworkId::new(entry.framework.as_str())),
        kind::EXECUTOR => {
            let info = Box::new(body::<Raw<v1::ExecutorInfo>>(&entry, 0)?);
            Record::Executor { run: run(), info, is_for_command: entry.flag }
        }
        kind::STARTED => Record::Started { run: run(), pid: entry.process },
        kind::CONNECTED => {
            Record::Connected { run: run(), speaks: pid()?.map_or(Speaks::Http, Speaks::Driver) }
        }
        kind::EXECUTOR_REMOVED => Record::ExecutorRemoved(run()),
        kind::QUEUED => Record::Queued { run: run(), tasks: bodies(&entry)?, is_group: entry.flag },
        kind::LAUNCHED => Record::Launched { run: run(), task: task() },
        kind::TASK => Record::Task { run: run(), task: Box::new(body(&entry, 0)?) },
        kind::UPDATE => Record::Update { run: run(), update: Box::new(body(&entry, 0)?) },
        kind::ACKNOWLEDGED => Record::Acknowledged { run: run(), task: task(), uuid: uuid()? },
        kind::STRAY => Record::Stray(Box::new(body(&entry, 0)?)),
        kind::STRAY_ACKNOWLEDGED => {
            let framework = FrameworkId::new(entry.framework.as_str());
            Record::StrayAcknowledged { framework, task: task(), uuid: uuid()? }
        }
        kind::STRAY_FORGOTTEN => {
            let framework = FrameworkId::new(entry.framework.as_str());
            Record::StrayForgotten { framework, task: task() }
        }
        other => return Err(format!("its kind {other} is unknown; a newer agent may have written it")),
    })
}

fn body<M: MesosMessage>(entry: &Entry, at: usize) -> Result<M, String> {
    let bytes = entry.bodies.get(at).ok_or_else(|| "a message is missing".to_owned())?;
    M::decode_checked(bytes).map_err(|error| error.to_string())
}

fn bodies<M: MesosMessage>(entry: &Entry) -> Result<Vec<M>, String> {
    (0..entry.bodies.len()).map(|at| body(entry, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &Record) {
        assert_eq!(decode(&encode(record)).as_ref(), Ok(record));
    }

    fn run() -> Run {
        Run {
            framework: FrameworkId::new("f"),
            executor: ExecutorId::new("e"),
            container: ContainerId::new("c"),
        }
    }

    #[test]
    fn records_round_trip() {
        let uuid = Uuid::from_bytes([7; 16]);
        let task_id = v1::TaskId { value: "t".to_owned() };
        let task = v1::TaskInfo { task_id: task_id.clone(), ..v1::TaskInfo::default() };
        let status = v1::TaskStatus { task_id: task_id.clone(), ..v1::TaskStatus::default() };
        let update = internal::StatusUpdate { status, ..internal::StatusUpdate::default() };
        let executor_id = v1::ExecutorId { value: "e".to_owned() };
        let executor = v1::ExecutorInfo { executor_id, ..v1::ExecutorInfo::default() };
        let shown = v1::Task { task_id, ..v1::Task::default() };
        let pid: tepui_types::Upid = "executor(1)@10.0.0.1:1".parse().unwrap();
        for record in [
            Record::Anew,
            Record::Agent(Box::default()),
            Record::Resources(vec![v1::Resource { name: "cpus".to_owned(), ..v1::Resource::default() }]),
            Record::Operation { entity: Box::default(), update: Box::default() },
            Record::OperationAcknowledged(uuid),
            Record::Drain(None),
            Record::Drain(Some(v1::DrainConfig { mark_gone: Some(true), max_grace_period: None })),
            Record::Framework { info: Box::default(), pid: Some(pid.clone()) },
            Record::Framework { info: Box::default(), pid: None },
            Record::FrameworkRemoved(FrameworkId::new("f")),
            Record::Executor { run: run(), info: Box::new(executor.clone().into()), is_for_command: true },
            Record::FrameworkWas { info: Box::default(), pid: Some(pid.clone()) },
            Record::ExecutorWas {
                run: run(),
                info: Box::new(executor.into()),
                is_for_command: false,
                tasks: vec![shown.clone(), shown.clone()],
            },
            Record::Started { run: run(), pid: 42 },
            Record::Connected { run: run(), speaks: Speaks::Http },
            Record::Connected { run: run(), speaks: Speaks::Driver(pid) },
            Record::ExecutorRemoved(run()),
            Record::Queued { run: run(), tasks: vec![task.into()], is_group: true },
            Record::Launched { run: run(), task: TaskId::new("t") },
            Record::Task { run: run(), task: Box::new(shown) },
            Record::Update { run: run(), update: Box::new(update.clone()) },
            Record::Stray(Box::new(update)),
            Record::StrayAcknowledged { framework: FrameworkId::new("f"), task: TaskId::new("t"), uuid },
            Record::StrayForgotten { framework: FrameworkId::new("f"), task: TaskId::new("t") },
            Record::Acknowledged { run: run(), task: TaskId::new("t"), uuid },
        ] {
            check(&record);
        }
    }

    #[test]
    fn what_is_no_record_is_named() {
        assert!(decode(&[0xff]).is_err());
        let unknown = Entry::new(99).encode_to_vec();
        assert!(decode(&unknown).unwrap_err().contains("kind 99"));
        assert!(decode(&Entry::new(kind::AGENT).encode_to_vec()).unwrap_err().contains("missing"));
    }
}
