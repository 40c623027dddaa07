//! How scripts show what an agent does.

use std::sync::Arc;

use tepui_agent_core::{Change, Effect, Effects, Launch, Record, Response, Run};
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{Resources, Uuid};

use crate::commands::Story;

/// One line for each effect, and for each change if they are to be shown.
pub(crate) fn show(story: &mut Story, effects: &Effects) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &effects.changes {
        let shown = change_line(story, change);
        if story.shows_changes || matches!(change, Change::Counted(_)) && shown.contains("invalid") {
            lines.push(format!("  ~ {shown}"));
        }
    }
    for effect in &effects.effects {
        for line in effect_lines(story, effect) {
            lines.push(format!("  {line}"));
        }
    }
    lines
}

fn effect_lines(story: &mut Story, effect: &Effect) -> Vec<String> {
    let line = match effect {
        Effect::Respond { request, response } => {
            let shown = match response {
                Response::Accepted => "accepted".to_owned(),
                Response::Subscribed { stream } => format!("subscribed, stream {}", stream.0),
                Response::Rejected(rejection) => format!("{:?}: {}", rejection.kind, rejection.message),
            };
            format!("respond {}: {shown}", request.0)
        }
        Effect::SendEvent { stream, event } => format!("event {}: {}", stream.0, event_line(story, event)),
        Effect::CloseStream(stream) => format!("close {}", stream.0),
        Effect::SendLink { to, message } => format!("-> {}: {}", to.id, message_line(story, message)),
        Effect::OpenLink(peer) => format!("open link {peer}"),
        Effect::CloseLink(peer) => format!("close link {peer}"),
        Effect::Launch(launch) => return launch_lines(story, launch),
        Effect::Store { id, records } => {
            if !story.shows_records {
                return Vec::new();
            }
            let shown: Vec<String> = records.iter().map(|record| record_line(story, record)).collect();
            return shown.into_iter().map(|line| format!("store {}: {line}", id.0)).collect();
        }
        Effect::RecoverContainers(known) => {
            let known: Vec<String> = known
                .iter()
                .map(|known| {
                    format!("{} pid {:?}", story.containers.name(known.container.as_str()), known.pid)
                })
                .collect();
            format!("recover containers [{}]", known.join(", "))
        }
        Effect::Recovered => "recovered".to_owned(),
        Effect::UpdateContainer(update) => {
            let container = story.containers.name(update.container.as_str());
            let resources = resources(&update.resources);
            format!("update {container} to {resources}, limits {:?}", update.limits)
        }
        Effect::Destroy(container) => format!("destroy {}", story.containers.name(container.as_str())),
        Effect::LeaveSandbox { directory } => {
            let container = directory.rsplit('/').next().unwrap_or_default();
            format!("leave the sandbox of {}", story.containers.name(container))
        }
        Effect::ChangeVolume { path, change } => format!("{change:?} volume {path}"),
        Effect::Stopped { error } => format!("stopped {}", error.as_deref().unwrap_or("as asked")),
    };
    vec![line]
}

/// A record in a few words.
pub(crate) fn record_line(story: &mut Story, record: &Record) -> String {
    let mut of = |run: &Run| {
        format!("{} of {} in {}", run.executor, run.framework, story.containers.name(run.container.as_str()))
    };
    match record {
        Record::Anew => "anew".to_owned(),
        Record::Agent(info) => format!("agent {}", info.id.as_ref().map_or("", |id| &id.value)),
        Record::Resources(all) => format!("resources {}", resources(all)),
        Record::Operation { entity, .. } => format!("operation {}", operation_line(&entity.latest_status)),
        Record::OperationAcknowledged(uuid) => {
            format!("operation {} acknowledged", uuid.as_bytes()[0] as char)
        }
        Record::Drain(config) => format!("drain {}", config.is_some()),
        Record::Framework { info, pid } => {
            format!("framework {} pid {pid:?}", info.id.as_ref().map_or("", |id| &id.value))
        }
        Record::FrameworkRemoved(id) => format!("framework {id} removed"),
        Record::Executor { run, is_for_command, .. } => {
            format!("executor {}{}", of(run), if *is_for_command { ", for a command" } else { "" })
        }
        Record::Started { run, pid } => format!("{} runs as {pid}", of(run)),
        Record::Connected { run, speaks } => format!("{} connected by {speaks:?}", of(run)),
        Record::FrameworkWas { info, .. } => {
            format!("framework {} was here", info.id.as_ref().map_or("", |id| &id.value))
        }
        Record::ExecutorWas { run, tasks, .. } => {
            let tasks: Vec<_> = tasks
                .iter()
                .map(|task| format!("{} {}", task.task_id.value, task.state().as_str_name()))
                .collect();
            format!("{} was here with {}", of(run), tasks.join(", "))
        }
        Record::ExecutorRemoved(run) => format!("{} removed", of(run)),
        Record::Queued { run, tasks, is_group } => {
            let ids: Vec<&str> = tasks.iter().map(|task| task.task_id.value.as_str()).collect();
            let kind = if *is_group { "group" } else { "tasks" };
            format!("{kind} {} queued for {}", ids.join(","), of(run))
        }
        Record::Launched { run, task } => format!("task {task} launched by {}", of(run)),
        Record::Task { run, task } => {
            format!("task {} {} of {}", task.task_id.value, task.state().as_str_name(), of(run))
        }
        Record::Update { run, update } => {
            let run = of(run);
            let uuid = uuid(story, update.uuid.as_deref().unwrap_or_default());
            let (task, state) = (&update.status.task_id.value, update.status.state().as_str_name());
            format!("update {uuid} of {task}: {state} by {run}")
        }
        Record::Stray(update) => {
            let (task, state) = (&update.status.task_id.value, update.status.state().as_str_name());
            let id = uuid(story, update.uuid.as_deref().unwrap_or_default());
            format!("stray update {id} of {task} of {}: {state}", update.framework_id.value)
        }
        Record::StrayAcknowledged { framework, task, uuid: id } => {
            format!("stray update {} of {task} of {framework} acknowledged", uuid(story, id.as_bytes()))
        }
        Record::StrayForgotten { framework, task } => {
            format!("stray updates of {task} of {framework} forgotten")
        }
        Record::Acknowledged { run, task, uuid: id } => {
            let run = of(run);
            format!("update {} of {task} acknowledged by {run}", uuid(story, id.as_bytes()))
        }
    }
}

fn launch_lines(story: &mut Story, launch: &Launch) -> Vec<String> {
    let container = story.containers.name(launch.container.as_str());
    let directory = launch.directory.replace(launch.container.as_str(), &container);
    let volumes =
        launch.volumes.iter().map(|volume| format!(", {} at {}", volume.path, volume.container_path));
    let volumes: Vec<String> = volumes.collect();
    let mut lines = vec![format!(
        "launch {container}: {} of {} as {} with {} in {directory}{}{}{}",
        launch.executor,
        launch.framework,
        launch.user.as_deref().unwrap_or("us"),
        resources(&launch.resources),
        if launch.task.is_some() { ", for its task" } else { "" },
        if launch.checkpoint { ", checkpointing" } else { "" },
        volumes.concat(),
    )];
    if story.shows_environment {
        for (name, value) in &launch.environment {
            lines.push(format!("    {name}={}", value.replace(launch.container.as_str(), &container)));
        }
        lines.push(format!("    {}", launch.executor_info.name()));
    }
    lines
}

fn resources(protos: &[v1::Resource]) -> String {
    Resources::from_protos(protos).unwrap().to_string()
}

fn uuid(story: &mut Story, bytes: &[u8]) -> String {
    // Executors' uuids are texts.
    if bytes.len() == 16 && bytes[15] == 0 && bytes[6] == 0x40 {
        return String::from_utf8_lossy(bytes).trim_end_matches('\0').replace(['@', '\0'], "");
    }
    Uuid::from_slice(bytes).map_or_else(|| "malformed".to_owned(), |uuid| story.uuids.name(&uuid.to_string()))
}

fn event_line(story: &mut Story, event: &Arc<v1::executor::Event>) -> String {
    let name = event.r#type().as_str_name();
    if let Some(subscribed) = &event.subscribed {
        let container = subscribed.container_id.as_ref().map_or("", |id| &id.value);
        return format!(
            "{name} {} of {} on {} in {}",
            subscribed.executor_info.executor_id.value,
            subscribed.framework_info.id.as_ref().map_or("", |id| &id.value),
            subscribed.agent_info.id.as_ref().map_or("", |id| &id.value),
            story.containers.name(container),
        );
    }
    if let Some(launch) = &event.launch {
        return format!("{name} {}", launch.task.task_id.value);
    }
    if let Some(launch) = &event.launch_group {
        let ids = launch.task_group.tasks.iter().map(|task| task.task_id.value.as_str());
        return format!("{name} {}", ids.collect::<Vec<_>>().join(","));
    }
    if let Some(kill) = &event.kill {
        let grace = kill.kill_policy.and_then(|policy| policy.grace_period);
        let grace =
            grace.map_or_else(String::new, |grace| format!(" within {}s", grace.nanoseconds / 1_000_000_000));
        return format!("{name} {}{grace}", kill.task_id.value);
    }
    if let Some(acknowledged) = &event.acknowledged {
        return format!("{name} {} {}", acknowledged.task_id.value, uuid(story, &acknowledged.uuid));
    }
    if let Some(message) = &event.message {
        return format!("{name} {}", String::from_utf8_lossy(&message.data));
    }
    name.to_owned()
}

fn message_line(story: &mut Story, message: &LinkMessage) -> String {
    match message {
        LinkMessage::StatusUpdate(message) => update_line(story, &message.update),
        LinkMessage::RegisterSlave(message) => format!(
            "register {} with {}, version {}",
            message.slave.hostname,
            resources(&message.slave.resources),
            message.version()
        ),
        LinkMessage::ReregisterSlave(message) => {
            let mut text = format!("reregister {}", message.slave.id.as_ref().map_or("", |id| &id.value));
            for framework in &message.frameworks {
                text += &format!(" framework={}", framework.id.as_ref().map_or("", |id| &id.value));
            }
            for executor in &message.executor_infos {
                text += &format!(" executor={}", executor.executor_id.value);
            }
            for task in &message.tasks {
                let update = task.status_update_state.map_or_else(String::new, |state| {
                    format!("/{}", v1::TaskState::try_from(state).unwrap().as_str_name())
                });
                text += &format!(" task={}:{}{update}", task.task_id.value, task.state().as_str_name());
            }
            for done in &message.completed_frameworks {
                let tasks: Vec<&str> = done.tasks.iter().map(|task| task.task_id.value.as_str()).collect();
                text += &format!(" completed={tasks:?}");
            }
            text
        }
        LinkMessage::ExitedExecutor(message) => {
            format!("exited executor {} status {}", message.executor_id.value, message.status)
        }
        LinkMessage::ExecutorToFramework(message) => {
            format!("message of {} {}", message.executor_id.value, String::from_utf8_lossy(&message.data))
        }
        LinkMessage::UpdateSlave(message) => {
            let operations = message.operations.as_ref().unwrap().operations.iter();
            let names: Vec<String> =
                operations.map(|operation| operation_line(&operation.latest_status)).collect();
            format!("update agent, operations [{}]", names.join(", "))
        }
        LinkMessage::UpdateOperationStatus(message) => {
            let status = &message.status;
            let uuid = status.uuid.as_ref().map_or("none".to_owned(), |bytes| uuid(story, &bytes.value));
            format!("operation {} {uuid}", operation_line(status))
        }
        LinkMessage::UnregisterSlave(message) => format!("unregister {}", message.slave_id.value),
        LinkMessage::PongSlave(_) => "pong".to_owned(),
        LinkMessage::ExecutorRegistered(message) => {
            format!("registered, executor {}", message.executor_info.executor_id.value)
        }
        LinkMessage::ExecutorReregistered(_) => "reregistered".to_owned(),
        LinkMessage::ReconnectExecutor(_) => "reconnect".to_owned(),
        LinkMessage::RunTask(message) => {
            format!("run {} pid {}", message.task.task_id.value, message.pid())
        }
        LinkMessage::KillTask(message) => format!("kill {}", message.task_id.value),
        LinkMessage::StatusUpdateAcknowledgement(message) => {
            format!("acknowledged {} {}", message.task_id.value, uuid(story, &message.uuid))
        }
        LinkMessage::FrameworkToExecutor(message) => {
            format!("message {}", String::from_utf8_lossy(&message.data))
        }
        LinkMessage::ShutdownExecutor(_) => "shutdown".to_owned(),
        other => format!("{other:?}"),
    }
}

fn operation_line(status: &v1::OperationStatus) -> String {
    let id = status.operation_id.as_ref().map_or("", |id| &id.value);
    let message = status.message.as_ref().map(|message| format!(" \"{message}\"")).unwrap_or_default();
    format!("{id} {}{message}", status.state().as_str_name())
}

fn update_line(story: &mut Story, update: &internal::StatusUpdate) -> String {
    let status = &update.status;
    let mut text = format!(
        "update {} {} {} {}",
        update.framework_id.value,
        status.task_id.value,
        status.state().as_str_name(),
        uuid(story, update.uuid.as_deref().unwrap_or_default()),
    );
    if let Some(latest) = update.latest_state.filter(|latest| *latest != status.state) {
        text += &format!(" latest={}", v1::TaskState::try_from(latest).unwrap().as_str_name());
    }
    if status.source() == v1::task_status::Source::Agent {
        text += &format!(" {} \"{}\"", status.reason().as_str_name(), status.message());
    }
    if let Some(executor) = &update.executor_id {
        text += &format!(" executor={}", executor.value);
    }
    if let Some(container) = &status.container_status {
        let id = container.container_id.as_ref().map_or("", |id| &id.value);
        let ips: Vec<&str> = container
            .network_infos
            .iter()
            .flat_map(|network| &network.ip_addresses)
            .map(v1::network_info::IpAddress::ip_address)
            .collect();
        text += &format!(
            " in {} pid {:?} at {}",
            story.containers.name(id),
            container.executor_pid,
            ips.join(",")
        );
    }
    text
}

fn change_line(story: &mut Story, change: &Change) -> String {
    match change {
        Change::Master { pid, registered } => format!("master {pid:?} registered {registered}"),
        Change::AgentNamed(id) => format!("agent {id}"),
        Change::Checkpointed(all) => format!("checkpointed {}", resources(all)),
        Change::FrameworkUpdated(entity) => {
            format!("framework {} pid {:?}", entity.info.id.as_ref().map_or("", |id| &id.value), entity.pid)
        }
        Change::FrameworkCompleted(id) => format!("framework {id} completed"),
        Change::FrameworkForgotten(id) => format!("framework {id} forgotten"),
        Change::FrameworkRevived(id) => format!("framework {id} revived"),
        Change::ExecutorAdded(entity) => format!(
            "executor {} in {}{}",
            entity.info.executor_id.value,
            story.containers.name(entity.container.as_str()),
            if entity.is_command_executor { ", for a command" } else { "" }
        ),
        Change::ExecutorChanged { executor, state, .. } => format!("executor {executor} {state:?}"),
        Change::ExecutorCompleted { executor, .. } => format!("executor {executor} completed"),
        Change::ExecutorForgotten { container, .. } => {
            format!("executor in {} forgotten", story.containers.name(container.as_str()))
        }
        Change::TaskChanged { executor, place, task } => {
            format!("task {} of {executor} {place:?} {}", task.task_id.value, task.state().as_str_name())
        }
        Change::TaskForgotten { task, .. } => format!("task {task} forgotten"),
        Change::Counted(name) => format!("counted {name}"),
    }
}
