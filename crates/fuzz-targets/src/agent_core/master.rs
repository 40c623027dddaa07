//! What masters say.

use tepui_agent_core::Input;
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::Resources;

use super::{World, upid};
use crate::grammar;
use crate::source::Source;

/// Frameworks, executors and tasks have a few ids, so that they meet.
pub(super) fn framework_id(source: &mut Source<'_>) -> v1::FrameworkId {
    v1::FrameworkId { value: format!("F{}", source.byte() % 2) }
}

pub(super) fn executor_id(source: &mut Source<'_>) -> v1::ExecutorId {
    // The executor of a task with a command is called as its task.
    let value = match source.byte() % 4 {
        at @ (0 | 1) => format!("e{at}"),
        at => format!("t{}", at % 2),
    };
    v1::ExecutorId { value }
}

pub(super) fn task_id(source: &mut Source<'_>) -> v1::TaskId {
    v1::TaskId { value: format!("t{}", source.byte() % 3) }
}

fn slave_id() -> v1::AgentId {
    v1::AgentId { value: "S0".to_owned() }
}

pub(super) fn task(source: &mut Source<'_>) -> v1::TaskInfo {
    let task_id = task_id(source);
    let agent_id = slave_id();
    v1::TaskInfo {
        name: "task".to_owned(),
        task_id,
        agent_id,
        resources: resources(source),
        ..Default::default()
    }
}

fn command() -> v1::CommandInfo {
    v1::CommandInfo { value: Some("true".to_owned()), ..v1::CommandInfo::default() }
}

fn executor(source: &mut Source<'_>) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: format!("e{}", source.byte() % 2) },
        command: Some(command()),
        resources: resources(source),
        ..v1::ExecutorInfo::default()
    }
}

fn resources(source: &mut Source<'_>) -> Vec<v1::Resource> {
    let text =
        source.pick(&["cpus:1;mem:64", "cpus:4;mem:1024", "", "ports:[31000-31001]"]).unwrap_or_default();
    let mut resources = Resources::parse(text, "*").expect("they are well-formed");
    resources.allocate("role");
    resources.to_protos()
}

fn framework(source: &mut Source<'_>) -> v1::FrameworkInfo {
    let flags = source.byte();
    let partition_aware = v1::framework_info::Capability {
        r#type: Some(v1::framework_info::capability::Type::PartitionAware.into()),
    };
    v1::FrameworkInfo {
        id: Some(framework_id(source)),
        name: "framework".to_owned(),
        user: "user".to_owned(),
        checkpoint: Some(flags & 1 != 0),
        capabilities: if flags & 2 == 0 { vec![partition_aware] } else { Vec::new() },
        ..v1::FrameworkInfo::default()
    }
}

impl World {
    /// A master is found, and takes us in.
    pub(super) fn register(&mut self) {
        let master: tepui_types::Upid = "master@10.0.0.1:5050".parse().expect("it is well-formed");
        self.step(Input::Detected(Some(master.clone())));
        for _ in 0..3 {
            if let Some(due) = self.due() {
                self.tick(due);
            }
        }
        let message = internal::SlaveRegisteredMessage { slave_id: slave_id(), connection: None }.into();
        self.step(Input::Link { from: master, message });
    }

    pub(super) fn master_message(&mut self, source: &mut Source<'_>) -> Input {
        let from = upid(source);
        let message = match source.below(16) {
            0..=3 => run_task(source).into(),
            4 | 5 => run_task_group(source).into(),
            6 => self.acknowledgement(source),
            7 => reconcile(source).into(),
            _ => other(source),
        };
        let message = grammar::embellished_message(source, message, &self.known);
        Input::Link { from, message }
    }

    /// The master acknowledges what it was sent.
    fn acknowledgement(&mut self, source: &mut Source<'_>) -> LinkMessage {
        let status = self.updates.get(source.below(self.updates.len())).cloned();
        let framework_id = framework_id(source);
        let uuid = status.as_ref().and_then(|status| status.uuid.clone()).unwrap_or_else(|| vec![1; 16]);
        let task_id = status.map_or_else(|| task_id(source), |status| status.task_id);
        internal::StatusUpdateAcknowledgementMessage { slave_id: slave_id(), framework_id, task_id, uuid }
            .into()
    }

    /// Any message that the link carries.
    pub(super) fn any_message(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let names = [
            "mesos.internal.SlaveRegisteredMessage",
            "mesos.internal.SlaveReregisteredMessage",
            "mesos.internal.RunTaskMessage",
            "mesos.internal.RunTaskGroupMessage",
            "mesos.internal.KillTaskMessage",
            "mesos.internal.StatusUpdateAcknowledgementMessage",
            "mesos.internal.PingSlaveMessage",
            "mesos.internal.ShutdownMessage",
            "mesos.internal.ShutdownFrameworkMessage",
            "mesos.internal.ShutdownExecutorMessage",
            "mesos.internal.UpdateFrameworkMessage",
            "mesos.internal.FrameworkToExecutorMessage",
            "mesos.internal.CheckpointResourcesMessage",
            "mesos.internal.ApplyOperationMessage",
            "mesos.internal.AcknowledgeOperationStatusMessage",
            "mesos.internal.ReconcileOperationsMessage",
            "mesos.internal.DrainSlaveMessage",
            "mesos.internal.RegisterExecutorMessage",
            "mesos.internal.ReregisterExecutorMessage",
            "mesos.internal.StatusUpdateMessage",
            "mesos.internal.ExecutorToFrameworkMessage",
        ];
        let name = source.pick(&names)?;
        let body = grammar::message(source, name, &self.known);
        let message = LinkMessage::decode(name, &body).ok()?;
        Some(Input::Link { from: upid(source), message })
    }
}

fn run_task(source: &mut Source<'_>) -> internal::RunTaskMessage {
    let mut task = task(source);
    if source.once_in(2) {
        task.executor = Some(executor(source).into());
    } else {
        task.command = Some(command());
    }
    internal::RunTaskMessage {
        framework: framework(source),
        task: task.into(),
        launch_executor: Some(!source.once_in(4)),
        ..internal::RunTaskMessage::default()
    }
}

fn run_task_group(source: &mut Source<'_>) -> internal::RunTaskGroupMessage {
    let tasks = (0..=source.below(3)).map(|_| task(source).into()).collect();
    internal::RunTaskGroupMessage {
        framework: framework(source),
        executor: executor(source).into(),
        task_group: v1::TaskGroupInfo { tasks },
        launch_executor: Some(!source.once_in(4)),
        ..internal::RunTaskGroupMessage::default()
    }
}

/// The master takes us in again, and asks after a task.
fn reconcile(source: &mut Source<'_>) -> internal::SlaveReregisteredMessage {
    let status = v1::TaskStatus {
        task_id: task_id(source),
        state: v1::TaskState::TaskRunning.into(),
        ..v1::TaskStatus::default()
    };
    let reconciliation = internal::ReconcileTasksMessage {
        framework_id: framework_id(source),
        statuses: vec![status],
        framework: source.once_in(2).then(|| framework(source)),
    };
    internal::SlaveReregisteredMessage {
        slave_id: slave_id(),
        reconciliations: vec![reconciliation],
        connection: None,
    }
}

/// The shorter messages.
fn other(source: &mut Source<'_>) -> LinkMessage {
    let kind = source.below(9);
    let framework_id = framework_id(source);
    let executor_id = executor_id(source);
    match kind {
        0 | 1 => {
            let task_id = task_id(source);
            internal::KillTaskMessage { framework_id, task_id, kill_policy: None }.into()
        }
        2 => internal::ShutdownFrameworkMessage { framework_id }.into(),
        3 => internal::ShutdownExecutorMessage {
            framework_id: Some(framework_id),
            executor_id: Some(executor_id),
        }
        .into(),
        4 => internal::UpdateFrameworkMessage {
            framework_id,
            pid: None,
            framework_info: Some(framework(source)),
        }
        .into(),
        5 => internal::FrameworkToExecutorMessage {
            slave_id: slave_id(),
            framework_id,
            executor_id,
            data: vec![1],
        }
        .into(),
        6 => internal::CheckpointResourcesMessage { resources: resources(source) }.into(),
        7 => internal::PingSlaveMessage { connected: source.byte() < 200 }.into(),
        _ if source.byte() > 200 => internal::ShutdownMessage { message: None }.into(),
        _ => internal::SlaveRegisteredMessage { slave_id: slave_id(), connection: None }.into(),
    }
}
