//! The endpoints have the shapes that were recorded: the same keys in the same order, with values of the same types.

use std::path::{Path, PathBuf};

use prost::Message as _;
use tepui_master_core::{Change, Counter, TaskAfterlife};
use tepui_master_view::{Encoding, TasksQuery, View, WrittenParts};
use tepui_proto::v1::{self, TaskState};
use tepui_proto::{JsonDialect, MesosMessage as _};
use tepui_types::{FrameworkId, TaskId};

use crate::journal::{FRAMEWORK, ended, seconds, task, view};
use crate::shape::Shape;

/// A recorded answer, if the recordings are here.
fn recorded(file: &str) -> Option<Shape> {
    let shared = std::env::var_os("TEPUI_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join("reference/recordings").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("NOT COMPARED: there is no {}; set TEPUI_SHARED", path.display());
        return None;
    };
    let (_, body) =
        text.replace("\r\n", "\n").split_once("\n\n").map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
    Some(Shape::parse(body.trim()))
}

fn ours(bytes: Vec<u8>) -> Shape {
    Shape::parse(&String::from_utf8(bytes).unwrap())
}

/// Checks that two objects at the same path have the same keys in the same order, of the same kinds.
fn check(ours: &Shape, recorded: &Shape, paths: &[&str]) {
    for path in paths {
        assert_eq!(ours.at(path).kinds(), recorded.at(path).kinds(), "{path}");
    }
}

#[test]
fn state_has_its_shape() {
    let Some(recorded) = recorded("state.http") else { return };
    let mut view = view();
    view.fold(task("1", TaskState::TaskRunning));
    let state = ours(view.state(&mut WrittenParts::whole()));
    assert_eq!(state.kinds(), recorded.kinds());
    let same = [
        "leader_info",
        "slaves.0",
        "slaves.0.resources",
        "slaves.0.used_resources",
        "frameworks.0",
        "frameworks.0.resources",
        "frameworks.0.tasks.0",
        "frameworks.0.tasks.0.resources",
    ];
    check(&state, &recorded, &same);
    let completed = Change::FrameworkCompleted { id: FrameworkId::new(FRAMEWORK), at: seconds(400) };
    view.fold(completed);
    let state = ours(view.state(&mut WrittenParts::whole()));
    assert_eq!(state.at("completed_frameworks.0").keys(), recorded.at("frameworks.0").keys());
    assert_eq!(state.at("completed_frameworks.0.unregistered_time"), &Shape::Float(400.0));
    let text = String::from_utf8(view.state(&mut WrittenParts::whole())).unwrap();
    assert!(text.contains(r#""active":false,"connected":false,"recovered":false"#), "{text}");
}

#[test]
fn the_other_endpoints_have_their_shapes() {
    let mut view = view();
    view.fold(task("1", TaskState::TaskRunning));
    if let Some(recorded) = recorded("state-summary.http") {
        let summary = ours(view.state_summary());
        assert_eq!(summary.kinds(), recorded.kinds());
        check(&summary, &recorded, &["slaves.0", "frameworks.0"]);
    }
    if let Some(recorded) = recorded("slaves.http") {
        check(
            &ours(view.slaves(None, &mut WrittenParts::whole())),
            &recorded,
            &["slaves.0", "slaves.0.unreserved_resources_full.0"],
        );
    }
    if let Some(recorded) = recorded("frameworks.http") {
        let frameworks = ours(view.frameworks(None, &mut WrittenParts::whole()));
        assert_eq!(frameworks.kinds(), recorded.kinds());
        check(&frameworks, &recorded, &["frameworks.0"]);
    }
    if let Some(recorded) = recorded("tasks.http") {
        check(&ours(view.tasks(&TasksQuery::default(), &mut WrittenParts::whole())), &recorded, &["tasks.0"]);
    }
    if let Some(recorded) = recorded("roles.http") {
        check(&ours(view.roles()), &recorded, &["roles.0", "roles.0.quota", "roles.0.allocated"]);
    }
    if let Some(recorded) = recorded("version.http") {
        assert_eq!(ours(view.version()).kinds(), recorded.kinds());
    }
}

#[test]
fn the_operator_reads_have_their_shapes() {
    let mut view = view();
    view.fold(task("1", TaskState::TaskRunning));
    let json = Encoding::Json;
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        ("v1-GET_VERSION.http", view.get_version(json), &["get_version.version_info"]),
        ("v1-GET_MASTER.http", view.get_master(json), &["get_master"]),
        ("v1-GET_AGENTS.http", view.get_agents(json), &["get_agents", "get_agents.agents.0"]),
        ("v1-GET_FRAMEWORKS.http", view.get_frameworks(json), &["get_frameworks.frameworks.0"]),
        ("v1-GET_TASKS.http", view.get_tasks(json), &["get_tasks"]),
        ("v1-GET_EXECUTORS.http", view.get_executors(json), &["get_executors"]),
        ("v1-GET_ROLES.http", view.get_roles(json), &["get_roles.roles.0"]),
        (
            "v1-GET_STATE.http",
            view.get_state(json),
            &["get_state", "get_state.get_tasks", "get_state.get_agents"],
        ),
    ];
    for (file, bytes, paths) in cases {
        let Some(recorded) = recorded(file) else { continue };
        let answer = ours(bytes);
        assert_eq!(answer.at("type"), recorded.at("type"));
        check(&answer, &recorded, paths);
    }
}

#[test]
fn the_big_reads_say_the_same_in_both_encodings() {
    let mut view = view();
    for id in ["1", "2", "3"] {
        view.fold(task(id, TaskState::TaskRunning));
    }
    view.fold(ended("2", TaskState::TaskFinished));
    for (id, to) in [("2", TaskAfterlife::Completed), ("3", TaskAfterlife::Unreachable)] {
        let task = TaskId::new(id);
        view.fold(Change::TaskRemoved { framework: FrameworkId::new(FRAMEWORK), task, to, freed: None });
    }
    for render in [View::get_state, View::get_tasks, View::get_agents] {
        let binary = render(&view, Encoding::Protobuf);
        let answer = v1::master::Response::decode_checked(&binary).unwrap();
        assert_eq!(answer.encode_to_vec(), binary, "the fields are in the order that prost keeps");
        let json = answer.to_json(JsonDialect::V1);
        let shown = ours(render(&view, Encoding::Json));
        // JSON shows empty lists, too; here none of those that hold something is missing.
        let read = v1::master::Response::from_json(JsonDialect::V1, &render(&view, Encoding::Json)).unwrap();
        assert_eq!(String::from_utf8(read.to_json(JsonDialect::V1)), String::from_utf8(json));
        assert_eq!(shown.keys().len(), 2);
    }
    let tasks = ours(view.get_tasks(Encoding::Json));
    for (list, id) in [("tasks", "1"), ("completed_tasks", "2"), ("unreachable_tasks", "3")] {
        assert_eq!(tasks.at(&format!("get_tasks.{list}.0.task_id.value")), &Shape::Text(id.to_owned()));
    }
}

#[test]
fn metrics_have_the_recorded_names() {
    let Some(recorded) = recorded("metrics-snapshot.http") else { return };
    let mut view = view();
    view.fold(task("1", TaskState::TaskRunning));
    view.fold(ended("1", TaskState::TaskFailed));
    view.fold(Change::TaskRemoved {
        framework: FrameworkId::new(FRAMEWORK),
        task: TaskId::new("1"),
        to: TaskAfterlife::Completed,
        freed: None,
    });
    view.fold(Change::Counted(Counter::TaskTerminal(
        TaskState::TaskFailed,
        Some(v1::task_status::Source::Agent),
        Some(v1::task_status::Reason::ExecutorTerminated),
    )));
    view.fold(Change::Counted(Counter::Named("master/messages_register_slave")));
    let metrics = ours(view.metrics_snapshot(seconds(160), &[]));
    let names: Vec<&str> = metrics.keys();
    let missing: Vec<&str> = recorded
        .keys()
        .into_iter()
        .filter(|name| name.starts_with("master/") && !name.starts_with("master/frameworks/"))
        .filter(|name| !name.starts_with("master/task_failed/source_slave/reason_container"))
        .filter(|name| !names.contains(name))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
    let of_frameworks = |names: &[&str], prefix: &str| -> Vec<String> {
        names.iter().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    let prefix = "master/frameworks/example/fbe14ffd-c4c7-4cf7-99ac-5a73006ea4b9-0001/";
    let expected = of_frameworks(&recorded.keys(), prefix);
    assert_eq!(of_frameworks(&names, "master/frameworks/msh/m-0000/"), expected);
    for (name, value) in [
        ("master/tasks_failed", 1.0),
        ("master/task_failed/source_slave/reason_executor_terminated", 1.0),
        ("master/messages_register_slave", 1.0),
        ("master/uptime_secs", 60.0),
        ("master/cpus_total", 4.0),
        ("master/frameworks/msh/m-0000/tasks/terminal/task_failed", 1.0),
    ] {
        assert_eq!(metrics.at(name), &Shape::Float(value), "{name}");
    }
}
