//! Full allocation cycles: every agent is offered to someone, is declined, and is offered to the next.
//!
//! `cargo bench -p tepui-allocator [-- AGENTS FRAMEWORKS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_allocator::{
    AgentCapabilities, AgentDescription, Allocation, Allocator, FrameworkCapabilities, FrameworkDescription,
    Options,
};
use tepui_types::{AgentId, FrameworkId, ResourceQuantities, Resources, Time};

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let agents = sizes.next().unwrap_or(20_000);
    let frameworks = sizes.next().unwrap_or(2_000);
    for roles in [1, frameworks] {
        println!("{agents} agents, {frameworks} frameworks, {roles} roles");
        run(agents, frameworks, roles);
    }
}

fn run(agents: usize, frameworks: usize, roles: usize) {
    let quantities = |text| ResourceQuantities::parse(text).expect("the minimum is valid");
    let min_allocatable = vec![quantities("cpus:0.01"), quantities("mem:32")];
    let mut allocator = Allocator::new(Options { min_allocatable, ..Options::default() }, 1);
    let mut now = Time::ZERO;
    time("add frameworks", || {
        for number in 0..frameworks {
            allocator.add_framework(&framework_id(number), framework(number % roles), true);
        }
    });
    time("add agents", || {
        let total = Resources::parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]", "*").expect("valid");
        for number in 0..agents {
            let capabilities =
                AgentCapabilities { multi_role: true, hierarchical_role: true, reservation_refinement: true };
            let description =
                AgentDescription { total: total.clone(), capabilities, ..AgentDescription::default() };
            allocator.add_agent(&AgentId::new(format!("agent-{number}")), description, &BTreeMap::new());
        }
    });
    for round in 0..5 {
        let mut offers = Vec::new();
        let calls = time(&format!("round {round}: allocate"), || cycle(&mut allocator, now, &mut offers));
        println!("  {} offers in {calls} calls", offers.len());
        time(&format!("round {round}: decline"), || {
            for it in &offers {
                let refuse = Some(Duration::from_hours(1));
                allocator.recover(now, &it.framework, &it.agent, &it.resources, refuse);
            }
        });
    }
    now += Duration::from_secs(2);
    let mut offers = Vec::new();
    time("the dampers end", || cycle(&mut allocator, now, &mut offers));
    for it in offers.drain(..) {
        allocator.recover(now, &it.framework, &it.agent, &it.resources, Some(Duration::from_hours(1)));
    }
    for number in 1..frameworks {
        allocator.suppress(&framework_id(number), &BTreeSet::new());
    }
    cycle(&mut allocator, now, &mut offers);
    offers.clear();
    time("one framework revives", || {
        allocator.revive(&framework_id(0), &BTreeSet::new());
        cycle(&mut allocator, now, &mut offers)
    });
    println!("  {} offers", offers.len());
    time("10,000 times one task ends", || {
        for it in offers.iter().cycle().take(10_000) {
            let mut out = Vec::new();
            allocator.recover(now, &it.framework, &it.agent, &it.resources, None);
            allocator.allocate(now, &mut out);
        }
    });
}

/// Allocates until nothing is left to do, and counts the calls.
fn cycle(allocator: &mut Allocator, now: Time, offers: &mut Vec<Allocation>) -> usize {
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
fn time<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = on_cpu();
    let result = run();
    println!("  {what}: {:.2} ms", on_cpu().saturating_sub(start).as_secs_f64() * 1e3);
    result
}

fn on_cpu() -> Duration {
    let statistics =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts processor time");
    let nanos =
        statistics.split(' ').next().and_then(|text| text.parse().ok()).expect("it begins with nanoseconds");
    Duration::from_nanos(nanos)
}

fn framework_id(number: usize) -> FrameworkId {
    FrameworkId::new(format!("framework-{number}"))
}

fn framework(role: usize) -> FrameworkDescription {
    FrameworkDescription {
        roles: BTreeSet::from([format!("role-{role}")]),
        capabilities: FrameworkCapabilities { multi_role: true, ..FrameworkCapabilities::default() },
        ..FrameworkDescription::default()
    }
}
