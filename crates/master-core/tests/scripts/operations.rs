//! ACCEPT in few words: a line for each operation.
//!
//! - `reserve|unreserve|create|destroy RESOURCES`, `grow VOLUME ADDITION`, `shrink VOLUME MEGABYTES`.
//! - `launch TASK RESOURCES`: a task with a command. `group TASK=RESOURCES...`: under the default executor `e`.
//! - `id=ID` names the operation, `principal=P` whoever reserves or creates.
//!
//! Resources are `name@ROLE,ROLE#VOLUME!:VALUE;...`: the stack of dynamic reservations, the id of a volume (at
//! `VOLUME-path`), and that it is shared.

use tepui_proto::v1;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::{
    Create, Destroy, GrowVolume, Launch, LaunchGroup, Reserve, ShrinkVolume, Type, Unreserve,
};
use tepui_proto::v1::resource::disk_info::Persistence;
use tepui_proto::v1::resource::reservation_info::Type as ReservationType;
use tepui_proto::v1::resource::{DiskInfo, ReservationInfo, SharedInfo};
use tepui_types::{DisplayResource, Resources, operation_resources_mut};

/// Reads one line.
pub(crate) fn parse(line: &str, agent: &str) -> Operation {
    let value = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
    let words: Vec<&str> = line
        .split_whitespace()
        .filter(|word| ["id=", "principal=", "framework="].iter().all(|key| !word.starts_with(key)))
        .collect();
    let principal = value("principal=");
    let resources = |at: usize| parse_resources(words[at], principal);
    let id = value("id=").map(|id| v1::OperationId { value: id.to_owned() });
    let of = |kind: Type| Operation { r#type: Some(kind as i32), id, ..Operation::default() };
    match words[0] {
        "reserve" => {
            let reserve = Reserve { resources: resources(1), ..Reserve::default() };
            Operation { reserve: Some(reserve), ..of(Type::Reserve) }
        }
        "unreserve" => {
            Operation { unreserve: Some(Unreserve { resources: resources(1) }), ..of(Type::Unreserve) }
        }
        "create" => Operation { create: Some(Create { volumes: resources(1) }), ..of(Type::Create) },
        "destroy" => Operation { destroy: Some(Destroy { volumes: resources(1) }), ..of(Type::Destroy) },
        "grow" => {
            let (volume, addition) = (resources(1).remove(0), resources(2).remove(0));
            Operation { grow_volume: Some(GrowVolume { volume, addition }), ..of(Type::GrowVolume) }
        }
        "shrink" => {
            let subtract = v1::value::Scalar { value: words[2].parse().unwrap() };
            let shrink = ShrinkVolume { volume: resources(1).remove(0), subtract };
            Operation { shrink_volume: Some(shrink), ..of(Type::ShrinkVolume) }
        }
        "launch" => {
            let mut task = task(words[1], resources(2), agent);
            task.command =
                Some(v1::CommandInfo { value: Some("true".to_owned()), ..v1::CommandInfo::default() });
            Operation { launch: Some(Launch { task_infos: vec![task.into()] }), ..of(Type::Launch) }
        }
        "group" => {
            let tasks = words[1..].iter().map(|word| {
                let (id, text) = word.split_once('=').unwrap();
                task(id, parse_resources(text, principal), agent).into()
            });
            let task_group = v1::TaskGroupInfo { tasks: tasks.collect() };
            let launch = LaunchGroup { executor: executor(value("framework=")).into(), task_group };
            Operation { launch_group: Some(launch), ..of(Type::LaunchGroup) }
        }
        other => panic!("there is no operation {other}"),
    }
}

fn task(id: &str, resources: Vec<v1::Resource>, agent: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: "n".to_owned(),
        task_id: v1::TaskId { value: id.to_owned() },
        agent_id: v1::AgentId { value: agent.to_owned() },
        resources,
        ..v1::TaskInfo::default()
    }
}

fn executor(framework: Option<&str>) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        r#type: Some(v1::executor_info::Type::Default as i32),
        executor_id: v1::ExecutorId { value: "e".to_owned() },
        framework_id: framework.map(|id| v1::FrameworkId { value: id.to_owned() }),
        resources: parse_resources("cpus:0.1;mem:32;disk:1", None),
        ..v1::ExecutorInfo::default()
    }
}

fn parse_resources(text: &str, principal: Option<&str>) -> Vec<v1::Resource> {
    text.split(';').filter(|entry| !entry.is_empty()).map(|entry| parse_resource(entry, principal)).collect()
}

fn parse_resource(text: &str, principal: Option<&str>) -> v1::Resource {
    let (head, value) = text.split_once(':').unwrap();
    let (head, volume) = head.split_once('#').unwrap_or((head, ""));
    let (name, stack) = head.split_once('@').unwrap_or((head, ""));
    let mut resource = Resources::parse(&format!("{name}:{value}"), "*").unwrap().to_protos().remove(0);
    let principal = principal.map(str::to_owned);
    let roles = stack.split(',').filter(|role| !role.is_empty());
    resource.reservations = roles
        .map(|role| ReservationInfo {
            r#type: Some(ReservationType::Dynamic as i32),
            role: Some(role.to_owned()),
            principal: principal.clone(),
            labels: None,
        })
        .collect();
    if !volume.is_empty() {
        let id = volume.trim_end_matches('!').to_owned();
        let mount = v1::Volume {
            mode: v1::volume::Mode::Rw as i32,
            container_path: format!("{id}-path"),
            ..v1::Volume::default()
        };
        let persistence = Some(Persistence { id, principal });
        let disk = DiskInfo { persistence, volume: Some(mount), source: None };
        resource.disk = Some(Box::new(disk));
        resource.shared = volume.ends_with('!').then(SharedInfo::default);
    }
    resource
}

/// An operation in few words.
pub(crate) fn show(operation: &Operation) -> String {
    let mut operation = operation.clone();
    let id = operation.id.as_ref().map(|id| format!(" id={}", id.value)).unwrap_or_default();
    let kind = operation.r#type().as_str_name();
    let resources: Vec<String> = operation_resources_mut(&mut operation)
        .into_iter()
        .map(|resource| DisplayResource(resource).to_string())
        .collect();
    format!("{kind}{id} {}", resources.join("; "))
}
