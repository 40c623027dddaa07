//! The sums follow the journal.

use tepui_master_core::{AgentRemoval, Change, TaskAfterlife};
use tepui_master_view::{View, WrittenParts};
use tepui_proto::v1::TaskState;
use tepui_types::{AgentId, FrameworkId, OfferId, TaskId};

use crate::journal::{AGENT, FRAMEWORK, ended, framework, offer, seconds, task, view};
use crate::shape::Shape;

fn state(view: &View) -> Shape {
    Shape::parse(&String::from_utf8(view.state(&mut WrittenParts::whole())).unwrap())
}

/// Checks the sum of a resource of the agent and of the framework.
fn check(view: &View, what: &str, name: &str, expected: f64) {
    let state = state(view);
    for path in [format!("slaves.0.{what}.{name}"), format!("frameworks.0.{what}.{name}")] {
        assert_eq!(state.at(&path), &Shape::Float(expected), "{path}");
    }
}

fn removed(id: &str, to: TaskAfterlife) -> Change {
    Change::TaskRemoved { framework: FrameworkId::new(FRAMEWORK), task: TaskId::new(id), to, freed: None }
}

#[test]
fn a_task_holds_its_resources_until_it_ends() {
    let mut view = view();
    view.fold(task("1", TaskState::TaskStaging));
    view.fold(task("2", TaskState::TaskStaging));
    check(&view, "used_resources", "cpus", 0.2);
    view.fold(ended("1", TaskState::TaskFinished));
    check(&view, "used_resources", "cpus", 0.1);
    view.fold(removed("1", TaskAfterlife::Completed));
    check(&view, "used_resources", "cpus", 0.1);
    view.fold(removed("2", TaskAfterlife::Unreachable));
    check(&view, "used_resources", "cpus", 0.0);
    let state = state(&view);
    let statuses = "frameworks.0.completed_tasks.0.statuses";
    assert!(matches!(state.at(statuses), Shape::List(list) if list.len() == 2));
    assert_eq!(state.at("frameworks.0.unreachable_tasks.0.id"), &Shape::Text("2".to_owned()));
}

#[test]
fn an_offer_counts_until_it_is_gone() {
    let mut view = view();
    view.fold(offer("o"));
    check(&view, "offered_resources", "cpus", 1.5);
    let shown = state(&view);
    assert_eq!(shown.at("slaves.0.offered_resources.ports"), &Shape::Text("[31000-31009]".to_owned()));
    view.fold(Change::OfferRemoved(OfferId::new("o")));
    view.fold(Change::OfferRemoved(OfferId::new("o")));
    check(&view, "offered_resources", "cpus", 0.0);
}

#[test]
fn history_is_bounded() {
    let mut view = view();
    for id in ["1", "2", "3"] {
        view.fold(task(id, TaskState::TaskRunning));
        view.fold(ended(id, TaskState::TaskFinished));
        view.fold(removed(id, TaskAfterlife::Completed));
    }
    let completed = state(&view);
    assert!(matches!(completed.at("frameworks.0.completed_tasks"), Shape::List(list) if list.len() == 2));
    assert_eq!(completed.at("frameworks.0.completed_tasks.0.id"), &Shape::Text("2".to_owned()));
    for _ in 0..3 {
        view.fold(Change::FrameworkAdded(Box::new(framework())));
        view.fold(Change::FrameworkCompleted { id: FrameworkId::new(FRAMEWORK), at: seconds(200) });
    }
    assert!(matches!(state(&view).at("completed_frameworks"), Shape::List(list) if list.len() == 2));
}

#[test]
fn an_unreachable_task_that_returns_is_shown_once() {
    let mut view = view();
    view.fold(task("1", TaskState::TaskRunning));
    view.fold(removed("1", TaskAfterlife::Unreachable));
    view.fold(task("1", TaskState::TaskRunning));
    let state = state(&view);
    assert_eq!(state.at("frameworks.0.unreachable_tasks"), &Shape::List(Vec::new()));
    assert!(matches!(state.at("frameworks.0.tasks"), Shape::List(list) if list.len() == 1));
    check(&view, "used_resources", "mem", 64.0);
}

#[test]
fn a_lost_agent_is_counted_as_unreachable() {
    let mut view = view();
    view.fold(Change::AgentRemoved {
        id: AgentId::new(AGENT),
        why: AgentRemoval::Unreachable,
        at: seconds(300),
    });
    let state = state(&view);
    assert_eq!(state.at("unreachable_slaves"), &Shape::Float(1.0));
    assert_eq!(state.at("slaves"), &Shape::List(Vec::new()));
}

#[test]
fn what_is_not_known_is_ignored() {
    let mut view = view();
    let before = view.state(&mut WrittenParts::whole());
    view.fold(ended("nope", TaskState::TaskLost));
    view.fold(removed("nope", TaskAfterlife::Completed));
    view.fold(Change::FrameworkCompleted { id: FrameworkId::new("nope"), at: seconds(1) });
    view.fold(Change::OfferRemoved(OfferId::new("nope")));
    assert_eq!(view.state(&mut WrittenParts::whole()), before);
}
