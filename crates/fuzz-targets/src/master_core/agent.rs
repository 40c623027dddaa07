//! What agents say.

use tepui_master_core::Input;
use tepui_proto::v1::agent_info::Capability;
use tepui_proto::v1::agent_info::capability::Type;
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{Resources, Upid};

use super::{AGENTS, World, task};
use crate::grammar;
use crate::source::Source;

/// What agents have.
pub(super) const RESOURCES: &[&str] = &[
    "cpus:4;mem:1024",
    "cpus:2;mem:512;disk:1000;ports:[31000-31010]",
    "cpus:1;cpus(role):3;mem:64;mem(role):900;gpus:1",
    "cpus:0.001;mem:1",
    "",
];

/// The address of agent N.
pub(super) fn pid(number: u8) -> Upid {
    format!("slave(1)@10.0.0.{}:5051", number + 1).parse().expect("it is well-formed")
}

pub(super) fn info(number: u8, resources: &str) -> v1::AgentInfo {
    let resources = Resources::parse(resources, "*").expect("they are well-formed");
    v1::AgentInfo {
        hostname: format!("host{number}"),
        port: Some(5051),
        resources: resources.to_protos(),
        checkpoint: Some(number.is_multiple_of(2)),
        ..v1::AgentInfo::default()
    }
}

fn capabilities(source: &mut Source<'_>) -> Vec<Capability> {
    if source.byte() == 255 {
        return Vec::new();
    }
    [Type::MultiRole, Type::HierarchicalRole, Type::ReservationRefinement, Type::AgentOperationFeedback]
        .map(|kind| Capability { r#type: Some(kind.into()) })
        .to_vec()
}

impl World {
    /// An agent registers, or comes back with its tasks.
    pub(super) fn register(&mut self, source: &mut Source<'_>) -> Input {
        let number = source.byte() % AGENTS;
        let resources = source.pick(RESOURCES).unwrap_or_default();
        let version = Some("1.11.0".to_owned());
        let agent_capabilities = capabilities(source);
        let known = if source.is_empty() { None } else { self.agent(source) };
        let message: LinkMessage = match known.filter(|_| source.byte() % 2 == 1) {
            None => internal::RegisterSlaveMessage {
                slave: info(number, resources),
                version,
                agent_capabilities,
                ..internal::RegisterSlaveMessage::default()
            }
            .into(),
            Some(id) => {
                let mut message = internal::ReregisterSlaveMessage {
                    slave: v1::AgentInfo { id: Some(id.clone()), ..info(number, resources) },
                    version,
                    agent_capabilities,
                    ..internal::ReregisterSlaveMessage::default()
                };
                for _ in 0..source.below(4) {
                    self.bring(source, &id, &mut message);
                }
                message.into()
            }
        };
        let message = grammar::embellished_message(source, message, &self.known);
        Input::Link { from: pid(number), to: "master".to_owned(), message }
    }

    /// Adds a framework, and perhaps one of its tasks, to what an agent brings.
    fn bring(
        &mut self,
        source: &mut Source<'_>,
        agent: &v1::AgentId,
        message: &mut internal::ReregisterSlaveMessage,
    ) {
        let framework = self.framework(source);
        let info = v1::FrameworkInfo {
            id: Some(framework.clone()),
            name: "brought".to_owned(),
            user: "user".to_owned(),
            roles: vec!["role".to_owned()],
            ..task::multi_role()
        };
        if source.byte() != 255 {
            message.frameworks.push(info);
        }
        let task_id = task::id(source);
        let state = source.pick(task::STATES).unwrap_or(v1::TaskState::TaskRunning);
        message.tasks.push(v1::Task {
            name: "brought".to_owned(),
            task_id,
            framework_id: framework,
            agent_id: agent.clone(),
            state: state.into(),
            resources: task::resources(source, "role"),
            ..v1::Task::default()
        });
    }

    /// What an agent says while it is registered.
    pub(super) fn agent_message(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let number = source.byte() % AGENTS;
        let slave_id = self.agent(source)?;
        let framework_id = self.framework(source);
        let executor_id = v1::ExecutorId { value: "e0".to_owned() };
        let mut to = "master".to_owned();
        let message: LinkMessage = match source.below(9) {
            0..=3 => Self::status(source, slave_id, framework_id).into(),
            4 => internal::ExitedExecutorMessage { slave_id, framework_id, executor_id, status: 9 }.into(),
            5 => internal::ExecutorToFrameworkMessage { slave_id, framework_id, executor_id, data: vec![1] }
                .into(),
            6 => {
                to = super::receiver(source);
                internal::PongSlaveMessage {}.into()
            }
            7 => self.operation_status(source)?.into(),
            _ if source.byte() > 200 => internal::UnregisterSlaveMessage { slave_id }.into(),
            _ => internal::UpdateSlaveMessage {
                slave_id,
                update_oversubscribed_resources: Some(true),
                oversubscribed_resources: task::resources(source, "*"),
                ..internal::UpdateSlaveMessage::default()
            }
            .into(),
        };
        let message = grammar::embellished_message(source, message, &self.known);
        Some(Input::Link { from: pid(number), to, message })
    }

    fn status(
        source: &mut Source<'_>,
        slave_id: v1::AgentId,
        framework_id: v1::FrameworkId,
    ) -> internal::StatusUpdateMessage {
        let uuid = vec![source.byte(); 16];
        let state = source.pick(task::STATES).unwrap_or(v1::TaskState::TaskRunning);
        let latest = source.pick(task::STATES).filter(|_| source.once_in(4));
        let update = internal::StatusUpdate {
            framework_id,
            slave_id: Some(slave_id.clone()),
            status: v1::TaskStatus {
                task_id: task::id(source),
                state: state.into(),
                source: Some(v1::task_status::Source::Executor.into()),
                agent_id: Some(slave_id),
                uuid: Some(uuid.clone()),
                ..v1::TaskStatus::default()
            },
            timestamp: 1.0,
            uuid: Some(uuid),
            latest_state: latest.map(i32::from),
            ..internal::StatusUpdate::default()
        };
        internal::StatusUpdateMessage { update, pid: Some(pid(0).to_string()) }
    }

    /// How an operation goes that the master asked for.
    fn operation_status(&self, source: &mut Source<'_>) -> Option<internal::UpdateOperationStatusMessage> {
        use v1::OperationState::{
            OperationDropped, OperationError, OperationFailed, OperationFinished, OperationPending,
        };
        let possible =
            [OperationFinished, OperationFailed, OperationPending, OperationDropped, OperationError];
        let operation = self.operations.get(source.below(self.operations.len()))?;
        let state = source.pick(&possible)?;
        let status = v1::OperationStatus {
            operation_id: operation.operation_info.id.clone(),
            state: state.into(),
            uuid: Some(v1::Uuid { value: vec![source.byte(); 16] }),
            ..v1::OperationStatus::default()
        };
        Some(internal::UpdateOperationStatusMessage {
            framework_id: operation.framework_id.clone(),
            slave_id: self.agent(source),
            latest_status: source.once_in(2).then(|| status.clone()),
            status,
            operation_uuid: Some(operation.operation_uuid.clone()),
        })
    }

    pub(super) fn agent(&self, source: &mut Source<'_>) -> Option<v1::AgentId> {
        self.agents.get(source.below(self.agents.len())).cloned()
    }

    pub(super) fn framework(&self, source: &mut Source<'_>) -> v1::FrameworkId {
        let known = self.frameworks.get(source.below(self.frameworks.len() + 1)).cloned();
        known.unwrap_or_else(|| v1::FrameworkId { value: "former-0001".to_owned() })
    }
}
