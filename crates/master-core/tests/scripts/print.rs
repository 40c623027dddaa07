//! Effects and changes as one line each.

use std::cell::RefCell;
use std::fmt::Write as _;

use tepui_master_core::{Change, Effect, Reader, RegistryWrite, RejectionKind, Response};
use tepui_proto::v1::scheduler::{Event, event};
use tepui_proto::{JsonDialect, LinkMessage, MesosMessage, internal, v1};
use tepui_types::Resources;

use crate::operations;

/// Prints, with the master's id shortened.
pub(crate) struct Printer {
    /// The master's id.
    pub(crate) master: String,
    /// The operations that agents were asked for, in order.
    operations: RefCell<Vec<v1::Uuid>>,
}

impl Printer {
    /// A printer for this master.
    pub(crate) fn new(master: &str) -> Self {
        Self { master: master.to_owned(), operations: RefCell::default() }
    }

    /// The name of an operation that was printed with this number.
    pub(crate) fn operation_uuid(&self, number: usize) -> v1::Uuid {
        self.operations.borrow().get(number).cloned().unwrap_or_else(|| v1::Uuid { value: vec![0; 16] })
    }

    /// The number of an operation.
    fn operation(&self, uuid: &v1::Uuid) -> usize {
        let mut operations = self.operations.borrow_mut();
        operations.iter().position(|known| known == uuid).unwrap_or_else(|| {
            operations.push(uuid.clone());
            operations.len() - 1
        })
    }

    fn show_operation_message(&self, message: &LinkMessage) -> Option<String> {
        match message {
            LinkMessage::ApplyOperation(message) => {
                let number = self.operation(&message.operation_uuid);
                Some(format!("ApplyOperation #{number} {}", operations::show(&message.operation_info)))
            }
            LinkMessage::AcknowledgeOperationStatus(message) => {
                let number = self.operation(&message.operation_uuid);
                Some(format!("AcknowledgeOperationStatus #{number} uuid={}", message.status_uuid.value[0]))
            }
            LinkMessage::ReconcileOperations(message) => {
                let asked = message.operations.iter().filter_map(|asked| asked.operation_uuid.as_ref());
                let asked: Vec<String> = asked.map(|uuid| format!("#{}", self.operation(uuid))).collect();
                Some(format!("ReconcileOperations {}", asked.join(" ")))
            }
            LinkMessage::CheckpointResources(message) => {
                Some(format!("CheckpointResources {}", Resources::from_protos(&message.resources).unwrap()))
            }
            _ => None,
        }
    }

    /// One effect.
    pub(crate) fn effect(&self, effect: &Effect) -> String {
        let line = match effect {
            Effect::Respond { request, response } => format!("respond {}: {}", request.0, respond(response)),
            Effect::SendEvent { stream, event } => format!("event {}: {}", stream.0, show_event(event)),
            Effect::CloseStream(stream) => format!("close {}", stream.0),
            Effect::CutOff(Reader::Stream(stream)) => format!("cut off {}", stream.0),
            Effect::CutOff(Reader::Driver(pid)) => format!("cut off {pid}"),
            Effect::SendLink { from, to, message } => {
                let from = if from == "master" { String::new() } else { format!(" from {from}") };
                let shown = self.show_operation_message(message).unwrap_or_else(|| show_message(message));
                format!("send {to}{from}: {shown}")
            }
            Effect::OpenLink(peer) => format!("open {peer}"),
            Effect::Abdicate { reason } => format!("abdicate: {reason}"),
            Effect::CloseLink(peer) => format!("unlink {peer}"),
            Effect::Store { id, writes } => {
                let writes: Vec<String> = writes.iter().map(show_write).collect();
                format!("store {}: {}", id.0, writes.join("; "))
            }
        };
        self.shorten(&line)
    }

    /// One change.
    pub(crate) fn change(&self, change: &Change) -> String {
        self.shorten(&format!("change: {}", show_change(change)))
    }

    fn shorten(&self, line: &str) -> String {
        format!("{}\n", line.replace(&self.master, "$m"))
    }
}

fn respond(response: &Response) -> String {
    match response {
        Response::Accepted => "202".to_owned(),
        Response::Ok => "200".to_owned(),
        Response::Subscribed { stream, .. } => format!("200 stream {}", stream.0),
        Response::Rejected(rejection) => {
            let status = match rejection.kind {
                RejectionKind::BadRequest => 400,
                RejectionKind::Forbidden => 403,
                RejectionKind::NotAcceptable => 406,
                RejectionKind::Conflict => 409,
                RejectionKind::NotImplemented => 501,
                RejectionKind::Unavailable => 503,
                RejectionKind::NotFound => 404,
            };
            format!("{status} {}", rejection.message)
        }
    }
}

fn show_event(event: &Event) -> String {
    let kind = event.r#type().as_str_name();
    match event.r#type() {
        event::Type::Subscribed => {
            let subscribed = event.subscribed.as_ref().unwrap();
            format!("{kind} {}", subscribed.framework_id.value)
        }
        event::Type::Offers => {
            let offers = &event.offers.as_ref().unwrap().offers;
            let offers: Vec<String> = offers.iter().map(show_offer).collect();
            format!("{kind} {}", offers.join(" | "))
        }
        event::Type::InverseOffers => {
            let offers = &event.inverse_offers.as_ref().unwrap().inverse_offers;
            let offers: Vec<String> = offers.iter().map(show_inverse_offer).collect();
            format!("{kind} {}", offers.join(" | "))
        }
        event::Type::RescindInverseOffer => {
            let rescinded = event.rescind_inverse_offer.as_ref().unwrap();
            format!("{kind} {}", rescinded.inverse_offer_id.value)
        }
        event::Type::Update => format!("{kind} {}", show_status(&event.update.as_ref().unwrap().status)),
        event::Type::Rescind => format!("{kind} {}", event.rescind.as_ref().unwrap().offer_id.value),
        event::Type::Error => format!("{kind} {}", event.error.as_ref().unwrap().message),
        event::Type::Heartbeat => kind.to_owned(),
        _ => String::from_utf8(event.to_json(JsonDialect::V1)).unwrap(),
    }
}

fn show_offer(offer: &v1::Offer) -> String {
    let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone());
    let role = role.map(|role| format!(" for {role}")).unwrap_or_default();
    let executors: Vec<&str> = offer.executor_ids.iter().map(|id| id.value.as_str()).collect();
    let executors =
        if executors.is_empty() { String::new() } else { format!(" with {}", executors.join(",")) };
    let resources = Resources::from_protos(&offer.resources).unwrap();
    let until = offer.unavailability.as_ref().map(show_unavailability).unwrap_or_default();
    format!("{}{role} of {}{executors}: {resources}{until}", offer.id.value, offer.agent_id.value)
}

fn show_unavailability(unavailability: &v1::Unavailability) -> String {
    let seconds = |nanoseconds: i64| nanoseconds / 1_000_000_000;
    let duration =
        unavailability.duration.map(|duration| format!(" for {} s", seconds(duration.nanoseconds)));
    format!(" until {} s{}", seconds(unavailability.start.nanoseconds), duration.unwrap_or_default())
}

fn show_inverse_offer(offer: &v1::InverseOffer) -> String {
    let agent = offer.agent_id.as_ref().unwrap();
    format!("{} of {}{}", offer.id.value, agent.value, show_unavailability(&offer.unavailability))
}

fn show_status(status: &v1::TaskStatus) -> String {
    let mut text = format!("{} {}", status.task_id.value, status.state().as_str_name());
    if let Some(agent) = &status.agent_id {
        let _ = write!(text, " on {}", agent.value);
    }
    if let Some(executor) = &status.executor_id {
        let _ = write!(text, " by {}", executor.value);
    }
    let _ = write!(text, " {}", status.source().as_str_name());
    if status.reason.is_some() {
        let _ = write!(text, " {}", status.reason().as_str_name());
    }
    if let Some(uuid) = &status.uuid {
        let _ = write!(text, " uuid={}", uuid[0]);
    }
    if let Some(healthy) = status.healthy {
        let _ = write!(text, " healthy={healthy}");
    }
    if status.unreachable_time.is_some() {
        text.push_str(" with unreachable_time");
    }
    if let Some(message) = &status.message {
        let _ = write!(text, " \"{message}\"");
    }
    text
}

fn show_message(message: &LinkMessage) -> String {
    let name = message.name().trim_start_matches("mesos.internal.").trim_end_matches("Message");
    let json = match message {
        LinkMessage::RunTask(message) => {
            let task = String::from_utf8(message.task.to_json(JsonDialect::V0)).unwrap();
            let new = message.launch_executor.unwrap();
            let pid = message.pid.as_deref().filter(|pid| !pid.is_empty());
            let pid = pid.map(|pid| format!(" pid={pid}")).unwrap_or_default();
            return format!("{name}{pid} launch_executor={new} {task}");
        }
        LinkMessage::RunTaskGroup(message) => {
            let tasks = message.task_group.tasks.iter().map(|task| {
                format!("{} with {}", task.task_id.value, task.executor.as_ref().unwrap().executor_id.value)
            });
            let tasks: Vec<String> = tasks.collect();
            let new = message.launch_executor.unwrap();
            return format!(
                "{name} launch_executor={new} {} {}",
                message.executor.executor_id.value,
                tasks.join(", ")
            );
        }
        LinkMessage::PingSlave(message) => json(&**message),
        LinkMessage::SlaveRegistered(message) => json(&**message),
        LinkMessage::SlaveReregistered(message) => return show_reregistered(message),
        LinkMessage::KillTask(message) => json(&**message),
        LinkMessage::Shutdown(message) => json(&**message),
        LinkMessage::ShutdownFramework(message) => json(&**message),
        LinkMessage::ShutdownExecutor(message) => json(&**message),
        LinkMessage::FrameworkToExecutor(message) => json(&**message),
        LinkMessage::StatusUpdateAcknowledgement(message) => json(&**message),
        LinkMessage::UpdateFramework(message) => {
            let pid = message.pid.as_deref().filter(|pid| !pid.is_empty());
            let pid = pid.map(|pid| format!(" pid={pid}")).unwrap_or_default();
            format!("{}{pid}", message.framework_id.value)
        }
        LinkMessage::FrameworkRegistered(message) => message.framework_id.value.clone(),
        LinkMessage::FrameworkReregistered(message) => message.framework_id.value.clone(),
        LinkMessage::FrameworkError(message) => message.message.clone(),
        LinkMessage::ResourceOffers(message) => {
            let offers = message.offers.iter().zip(&message.pids);
            let offers: Vec<String> =
                offers.map(|(offer, pid)| format!("{} ({pid})", show_offer(offer))).collect();
            offers.join(" | ")
        }
        LinkMessage::RescindResourceOffer(message) => message.offer_id.value.clone(),
        LinkMessage::StatusUpdate(message) => {
            format!("from {}: {}", message.pid(), show_status(&message.update.status))
        }
        LinkMessage::LostSlave(message) => json(&**message),
        LinkMessage::ExitedExecutor(message) => json(&**message),
        LinkMessage::ExecutorToFramework(message) => json(&**message),
        LinkMessage::AuthenticationError(message) => json(&**message),
        other => format!("{other:?}"),
    };
    format!("{name} {json}")
}

fn show_reregistered(message: &internal::SlaveReregisteredMessage) -> String {
    let mut text = format!("SlaveReregistered {}", message.slave_id.value);
    for question in &message.reconciliations {
        for status in &question.statuses {
            let _ = write!(text, ", asks for {}: {}", question.framework_id.value, show_status(status));
        }
    }
    text
}

fn json(message: &impl MesosMessage) -> String {
    String::from_utf8(message.to_json(JsonDialect::V0)).unwrap()
}

fn show_write(write: &RegistryWrite) -> String {
    match write {
        RegistryWrite::AdmitAgent(row) => show_row("admit", row),
        RegistryWrite::MarkUnreachable(row) => format!("unreachable {}", row.id.value),
        RegistryWrite::MarkReachable(row) => show_row("reachable", row),
        RegistryWrite::MarkGone(row) => format!("gone {}", row.id.value),
        RegistryWrite::RemoveAgent(id) => format!("remove {id}"),
        RegistryWrite::RemoveFramework(id, _) => format!("remove framework {id}"),
        RegistryWrite::ForgetFramework(id) => format!("forget framework {id}"),
        other => format!("{other:?}"),
    }
}

fn show_row(what: &str, row: &internal::registry::Slave) -> String {
    let mut text = format!("{what} {}", row.info.id.as_ref().unwrap().value);
    if let Some(drain) = &row.drain_info {
        let _ = write!(text, " {}", drain.state().as_str_name());
    }
    if row.deactivated == Some(true) {
        text.push_str(" deactivated");
    }
    text
}

fn show_change(change: &Change) -> String {
    match change {
        Change::Elected { .. } => "Elected".to_owned(),
        Change::FrameworkAdded(entity) => {
            format!("FrameworkAdded {}", entity.info.id.as_ref().unwrap().value)
        }
        Change::FrameworkUpdated(entity) => format!(
            "FrameworkUpdated {} connected={} suppressed={:?}",
            entity.info.id.as_ref().unwrap().value,
            entity.connected,
            entity.suppressed_roles
        ),
        Change::FrameworkCompleted { id, .. } => format!("FrameworkCompleted {id}"),
        Change::FrameworkForgotten(id) => format!("FrameworkForgotten {id}"),
        Change::FrameworkAnnounced { id, news } => format!("FrameworkAnnounced {id} {news:?}"),
        Change::AgentAnnounced { id, recovered } if recovered.is_empty() => format!("AgentAnnounced {id}"),
        Change::AgentAnnounced { id, recovered } => {
            let recovered: Vec<&str> = recovered.iter().map(tepui_types::FrameworkId::as_str).collect();
            format!("AgentAnnounced {id} recovered={}", recovered.join(","))
        }
        Change::AgentAdded(entity) => format!("AgentAdded {}", entity.id),
        Change::AgentUpdated(entity) => {
            format!("AgentUpdated {} connected={} active={}", entity.id, entity.connected, entity.active)
        }
        Change::AgentRemoved { id, why, .. } => format!("AgentRemoved {id} {why:?}"),
        Change::AgentForgotten(id) => format!("AgentForgotten {id}"),
        Change::AgentUnreachable(id, _) => format!("AgentUnreachable {id}"),
        Change::AgentReachable(id) => format!("AgentReachable {id}"),
        Change::AgentRecovered(info) => format!("AgentRecovered {}", info.id.as_ref().unwrap().value),
        Change::TaskAdded { id, task, .. } => format!("TaskAdded {id} {}", task.state().as_str_name()),
        Change::TaskUpdated { task, state, update, status, freed, .. } => {
            let update = update
                .as_ref()
                .map(|(state, uuid)| format!("{} uuid={}", state.as_str_name(), uuid.as_bytes()[0]));
            let status = status.as_ref().map(|status| status.state().as_str_name());
            format!(
                "TaskUpdated {task} {} update={update:?} status={status:?} freed={}",
                state.as_str_name(),
                freed.is_some()
            )
        }
        Change::TaskRemoved { task, to, .. } => format!("TaskRemoved {task} {to:?}"),
        Change::ExecutorAdded { agent, info, .. } => {
            format!("ExecutorAdded {} {agent}", info.executor_id.value)
        }
        Change::ExecutorRemoved { agent, executor, .. } => format!("ExecutorRemoved {executor} {agent}"),
        Change::OfferAdded(offer) => format!("OfferAdded {}", offer.id),
        Change::OfferRemoved(id) => format!("OfferRemoved {id}"),
        Change::InverseOfferAdded(offer) => format!("InverseOfferAdded {}", offer.id.value),
        Change::InverseOfferRemoved(id) => format!("InverseOfferRemoved {id}"),
        Change::InverseOfferAnswered { agent, status } => {
            format!("InverseOfferAnswered {agent} {} {:?}", status.framework_id.value, status.status())
        }
        Change::InverseOfferAnswersForgotten(agent) => format!("InverseOfferAnswersForgotten {agent}"),
        Change::MaintenanceChanged { machines, .. } => {
            let machines = machines.iter().map(|info| format!("{} {:?}", info.id.hostname(), info.mode()));
            format!("MaintenanceChanged {}", machines.collect::<Vec<_>>().join(", "))
        }
        Change::Counted(counter) => format!("{counter:?}"),
    }
}
