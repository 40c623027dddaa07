//! Who is next: `FullSort` and `HierarchyFullSort` of Mesos.
//!
//! Our allocator has no sorter that could be asked for a full order: roles and frameworks stand in ordered trees, in
//! which an allocation moves one entry. So the same clients, agents and allocations are given to the allocator, and
//! "sort" is a cycle that has nothing to give.

use std::collections::BTreeMap;

use tepui_allocator::{Allocator, Sorter};
use tepui_types::{FrameworkId, Resources, Time};

use crate::bench::{
    agent, agent_id, allocated, cycle, fragments, framework, framework_id, resources, start, time,
};

/// `agents` of which each is partly allocated to one of `clients`, in turn.
pub(crate) fn full_sort(agents: usize, clients: usize) {
    println!("FullSort: {agents} agents, {clients} clients");
    let roles: Vec<String> = (0..clients).map(|number| number.to_string()).collect();
    run(agents, &roles);
}

/// Clients in a tree of roles, `height` levels high (with the root), of which each inner one has `branching` children.
pub(crate) fn hierarchy_full_sort(height: usize, branching: usize) {
    let mut roles: Vec<String> = Vec::new();
    let mut level = vec![String::new()];
    for _ in 1..height {
        level = level
            .iter()
            .flat_map(|parent| {
                let prefix = if parent.is_empty() { String::new() } else { format!("{parent}/") };
                (0..branching).map(move |child| format!("{prefix}{child}"))
            })
            .collect();
        roles.extend(level.iter().cloned());
    }
    println!("HierarchyFullSort: height {height}, branching {branching}, {} clients", roles.len());
    run(50_000, &roles);
}

fn run(agents: usize, roles: &[String]) {
    let mut allocator = start(Sorter::Drf);
    let total = resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    let used = resources(&format!("cpus:16;mem:2014;disk:1024;{}", fragments(100)));
    time("add clients", || {
        for (number, role) in roles.iter().enumerate() {
            allocator.add_framework(&framework_id(number), framework(role), false);
        }
    });
    time("add agents", || {
        for number in 0..agents {
            allocator.add_agent(&agent_id(number), agent(&total), &BTreeMap::new());
        }
    });
    let clients: Vec<(FrameworkId, Resources)> = roles
        .iter()
        .enumerate()
        .map(|(number, role)| (framework_id(number), allocated(&used, role)))
        .collect();
    let each = |then: &mut dyn FnMut(usize, &FrameworkId, &Resources)| {
        for number in 0..agents {
            let (client, used) = &clients[number % clients.len()];
            then(number, client, used);
        }
    };
    time("add allocations", || {
        each(&mut |agent, client, used| allocator.claim(client, &agent_id(agent), used));
    });
    idle_cycle(&mut allocator, "sort");
    idle_cycle(&mut allocator, "sort again");
    time("remove allocations", || {
        each(&mut |agent, client, used| allocator.recover(Time::ZERO, client, &agent_id(agent), used, None));
    });
    time("remove agents", || (0..agents).for_each(|number| allocator.remove_agent(&agent_id(number))));
    time("remove clients", || {
        (0..roles.len()).for_each(|number| allocator.remove_framework(&framework_id(number)));
    });
}

fn idle_cycle(allocator: &mut Allocator, what: &str) {
    let mut offers = Vec::new();
    time(what, || cycle(allocator, Time::ZERO, &mut offers));
    assert!(offers.is_empty(), "no client is active");
}
