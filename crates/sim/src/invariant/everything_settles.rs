//! Everything settles: some time after the last fault, what schedulers believe, what the master's books say and what
//! really runs are one and the same, and it is what the schedulers wanted.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_view::View;
use tepui_types::{FrameworkId, TaskId};

use crate::cluster::Cluster;
use crate::invariant::no_resource_lost::NoResourceLost;
use crate::invariant::operations_settle::OperationsSettle;
use crate::invariant::view_equals_core::ViewEqualsCore;
use crate::scheduler::{Purpose, Scheduler, Stage, is_live};

/// What runs, by framework.
type Tasks = BTreeMap<FrameworkId, BTreeSet<TaskId>>;

/// Panics if something has not settled.
pub(crate) fn check(cluster: &Cluster) {
    let leader = cluster.leading().expect("somebody leads");
    let leading: Vec<usize> =
        (0..cluster.masters.len()).filter(|master| cluster.masters[*master].core.is_some()).collect();
    assert_eq!(leading, [leader], "nobody else believes that it leads");
    let host = &cluster.masters[leader];
    let master = host.core.as_ref().expect("the leader has a core");
    let view = &host.view;
    ViewEqualsCore::compare_all(master, view);
    let agents: Vec<_> = view.agent_ids().into_iter().filter_map(|id| view.agent_book(&id)).collect();
    assert_eq!(agents.len(), cluster.agents.len(), "each agent is registered once");
    assert!(agents.iter().all(|agent| agent.connected && agent.active), "all agents are connected");
    let running = running(cluster);
    let mut known = BTreeSet::new();
    for scheduler in &cluster.schedulers {
        let Some(id) = &scheduler.id else { panic!("{} never got an id", scheduler.name) };
        known.insert(id.clone());
        check_scheduler(view, scheduler, id, running.get(id).unwrap_or(&BTreeSet::new()));
    }
    let strangers: Vec<_> = running.keys().filter(|id| !known.contains(*id)).collect();
    assert!(strangers.is_empty(), "tasks of nobody run: {strangers:?}");
    cluster.invariants.order.settled();
    OperationsSettle::settled(cluster);
    NoResourceLost::settled(host);
    cluster.invariants.reservations.settled(view, &host.books.lost);
}

fn check_scheduler(view: &View, scheduler: &Scheduler, id: &FrameworkId, running: &BTreeSet<TaskId>) {
    let name = &scheduler.name;
    let book = view.framework_book(id);
    if scheduler.stage == Stage::Gone {
        assert_eq!(book, None, "{name} was torn down");
        assert!(running.is_empty(), "{running:?} of {name} outlived it");
        return;
    }
    assert!(matches!(scheduler.stage, Stage::Connected(_)), "{name} is {:?}", scheduler.stage);
    let book = book.expect("a connected framework is in the books");
    assert!(book.connected, "{name} is connected");
    let believed: BTreeSet<TaskId> =
        scheduler.tasks.iter().filter(|(_, task)| is_live(task.state)).map(|(id, _)| id.clone()).collect();
    let booked: BTreeSet<TaskId> = book.tasks.keys().cloned().collect();
    assert_eq!(&believed, running, "what {name} believes and what runs");
    assert_eq!(&booked, running, "what the master knows of {name} and what runs");
    match scheduler.habits.purpose {
        Purpose::Batch(count) => {
            assert!(running.is_empty(), "{running:?} of {name} should have ended");
            assert!(scheduler.finished >= count, "{name} finished {} of {count} tasks", scheduler.finished);
        }
        Purpose::Service(count) => assert_eq!(running.len(), count, "tasks of {name}"),
        Purpose::Decliner | Purpose::Hoarder | Purpose::Wrong => {
            assert!(running.is_empty(), "{name} launched nothing");
        }
        Purpose::Keeper => assert!(running.is_empty(), "{running:?} of {name} should have ended"),
    }
}

fn running(cluster: &Cluster) -> Tasks {
    let mut tasks = Tasks::new();
    for container in cluster.agents.iter().flat_map(|agent| agent.containers.values()) {
        let live = container.tasks.iter().filter(|(_, task)| !task.is_over).map(|(id, _)| id.clone());
        let ids: BTreeSet<TaskId> = live.collect();
        if !ids.is_empty() {
            tasks.entry(container.framework.clone()).or_default().extend(ids);
        }
    }
    tasks
}
