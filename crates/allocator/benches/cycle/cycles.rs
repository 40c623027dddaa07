//! Full allocation cycles: every agent is offered to someone, is declined, and is offered to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_types::{AgentId, Time};

use crate::bench::{agent, cycle, framework, framework_id, resources, start, time};

/// All of `agents` are offered to `frameworks` in `roles`, five times over, and then little by little.
pub(crate) fn run(agents: usize, frameworks: usize, roles: usize) {
    let mut allocator = start(tepui_allocator::Sorter::Drf);
    let mut now = Time::ZERO;
    time("add frameworks", || {
        for number in 0..frameworks {
            allocator.add_framework(
                &framework_id(number),
                framework(&format!("role-{}", number % roles)),
                true,
            );
        }
    });
    time("add agents", || {
        let total = resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
        for number in 0..agents {
            allocator.add_agent(&AgentId::new(format!("agent-{number}")), agent(&total), &BTreeMap::new());
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
