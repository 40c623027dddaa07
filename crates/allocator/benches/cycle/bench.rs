//! What the benchmarks share.

use std::collections::BTreeSet;
use std::time::Duration;

use tepui_allocator::{
    AgentCapabilities, AgentDescription, Allocation, Allocator, FrameworkCapabilities, FrameworkDescription,
    Options, Sorter,
};
use tepui_types::{AgentId, FrameworkId, ResourceQuantities, Resources, Time};

/// An allocator with the master's defaults.
pub(crate) fn start(sorter: Sorter) -> Allocator {
    let quantities = |text| ResourceQuantities::parse(text).expect("the minimum is valid");
    let min_allocatable = vec![quantities("cpus:0.01"), quantities("mem:32")];
    Allocator::new(Options { min_allocatable, sorter, ..Options::default() }, 1)
}

/// Allocates until nothing is left to do, and counts the calls.
pub(crate) fn cycle(allocator: &mut Allocator, now: Time, offers: &mut Vec<Allocation>) -> usize {
    let mut calls = 0;
    loop {
        allocator.allocate(now, offers);
        calls += 1;
        if allocator.next_deadline().is_none_or(|next| next > now) {
            return calls;
        }
    }
}

/// Prints how long `run` was on a processor, which is what counts on a machine that is shared.
pub(crate) fn time<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = on_cpu();
    let result = run();
    println!("  {what}: {:.4} ms", on_cpu().saturating_sub(start).as_secs_f64() * 1e3);
    result
}

fn on_cpu() -> Duration {
    // The kernel counts up when a thread lets go of the processor.
    std::thread::yield_now();
    let statistics =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts processor time");
    let nanos =
        statistics.split(' ').next().and_then(|text| text.parse().ok()).expect("it begins with nanoseconds");
    Duration::from_nanos(nanos)
}

pub(crate) fn framework_id(number: usize) -> FrameworkId {
    FrameworkId::new(format!("framework-{number}"))
}

pub(crate) fn agent_id(number: usize) -> AgentId {
    AgentId::new(format!("agent-{number}"))
}

pub(crate) fn framework(role: &str) -> FrameworkDescription {
    FrameworkDescription {
        roles: BTreeSet::from([role.to_owned()]),
        capabilities: FrameworkCapabilities {
            multi_role: true,
            reservation_refinement: true,
            ..FrameworkCapabilities::default()
        },
        ..FrameworkDescription::default()
    }
}

pub(crate) fn agent(total: &Resources) -> AgentDescription {
    let capabilities =
        AgentCapabilities { multi_role: true, hierarchical_role: true, reservation_refinement: true };
    AgentDescription { total: total.clone(), capabilities, ..AgentDescription::default() }
}

pub(crate) fn resources(text: &str) -> Resources {
    Resources::parse(text, "*").expect("the resources of a benchmark are valid")
}

/// The resources, as allocated to a role.
pub(crate) fn allocated(resources: &Resources, role: &str) -> Resources {
    let mut resources = resources.clone();
    resources.allocate(role);
    resources
}

/// `count` ranges of ports between 31000 and 32000, each with a gap behind it.
pub(crate) fn fragments(count: u64) -> String {
    let width = 1000 / count;
    let ranges: Vec<String> =
        (0..count).map(|at| 31_000 + at * width).map(|from| format!("{from}-{}", from + width - 2)).collect();
    format!("ports:[{}]", ranges.join(","))
}
