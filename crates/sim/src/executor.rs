//! A simulated container and the executor in it.

use std::collections::BTreeMap;

use tepui_agent_core::{Launch, StreamId};
use tepui_proto::v1;
use tepui_proto::v1::executor::{Call, call};
use tepui_types::{ExecutorId, FrameworkId, Resources, TaskId, Time, Uuid, WallTime, is_terminal};

/// A container that an agent started.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) framework: FrameworkId,
    pub(crate) executor: ExecutorId,
    /// It was made for one task, and ends with it.
    is_command_executor: bool,
    pub(crate) is_running: bool,
    pub(crate) stream: Option<StreamId>,
    /// Its calls and the agent's events arrive in order.
    pub(crate) last_call: Time,
    pub(crate) last_event: Time,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    unacknowledged: BTreeMap<Uuid, TaskId>,
}

/// A task in a container.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resources: Resources,
    pub(crate) is_over: bool,
}

/// What a task does, as its scheduler wrote into `TaskInfo.data`.
pub(crate) fn run_time(task: &v1::TaskInfo) -> Option<std::time::Duration> {
    let data = task.data.as_deref()?;
    let millis = u64::from_le_bytes(data.try_into().ok()?);
    Some(std::time::Duration::from_millis(millis))
}

/// Writes [`run_time`].
pub(crate) fn run_time_data(time: std::time::Duration) -> Vec<u8> {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).to_le_bytes().to_vec()
}

impl Container {
    pub(crate) fn new(launch: &Launch) -> Self {
        Self {
            framework: launch.framework.clone(),
            executor: launch.executor.clone(),
            is_command_executor: launch.task.is_some(),
            is_running: false,
            stream: None,
            last_call: Time::ZERO,
            last_event: Time::ZERO,
            tasks: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
        }
    }

    /// The resources of its tasks that are not over.
    pub(crate) fn in_use(&self) -> Resources {
        self.tasks.values().filter(|task| !task.is_over).map(|task| &task.resources).sum()
    }

    pub(crate) fn subscribe(&self) -> Call {
        Call { subscribe: Some(call::Subscribe::default()), ..self.call(call::Type::Subscribe) }
    }

    /// Says how a task is doing, once for each state.
    pub(crate) fn update(
        &mut self,
        id: &TaskId,
        state: v1::TaskState,
        uuid: Uuid,
        now: WallTime,
    ) -> Option<Call> {
        let task = self.tasks.get_mut(id).filter(|task| !task.is_over)?;
        task.is_over = is_terminal(state);
        self.unacknowledged.insert(uuid, id.clone());
        let status = v1::TaskStatus {
            task_id: id.to_proto(),
            state: state.into(),
            source: Some(v1::task_status::Source::Executor.into()),
            executor_id: Some(self.executor.to_proto()),
            timestamp: Some(now.as_secs_f64()),
            uuid: Some(uuid.as_bytes().to_vec()),
            ..v1::TaskStatus::default()
        };
        Some(Call { update: Some(call::Update { status }), ..self.call(call::Type::Update) })
    }

    pub(crate) fn acknowledged(&mut self, uuid: &[u8]) {
        if let Some(uuid) = Uuid::from_slice(uuid) {
            self.unacknowledged.remove(&uuid);
        }
    }

    /// Whether a command executor has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.is_command_executor
            && !self.tasks.is_empty()
            && self.unacknowledged.is_empty()
            && self.tasks.values().all(|task| task.is_over)
    }

    fn call(&self, kind: call::Type) -> Call {
        Call {
            executor_id: self.executor.to_proto(),
            framework_id: self.framework.to_proto(),
            r#type: Some(kind.into()),
            ..Call::default()
        }
    }
}
