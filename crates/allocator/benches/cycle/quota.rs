//! Quota: `LargeAndSmallQuota` and `NonQuotaVsQuota` of Mesos.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_allocator::{Allocator, Quota, Sorter};
use tepui_types::{ResourceQuantities, Time};

use crate::bench::{agent, agent_id, cycle, framework, framework_id, resources, start, time};

/// Each agent has room for two roles with small quota, or for half a role with large quota.
const AGENT: &str = "cpus:2;mem:2048;disk:2048";

/// All agents together are just what all quotas need; then nothing is left to offer.
pub(crate) fn large_and_small(small: usize, large: usize) {
    for sorter in [Sorter::Drf, Sorter::Random] {
        let agents = small / 5 + large * 5;
        println!("LargeAndSmallQuota: {agents} agents, {} roles, {sorter:?}", small + large);
        let mut allocator = start(sorter);
        let roles: Vec<(String, Quota)> = (0..small)
            .map(|number| (format!("small-{number}"), quota("cpus:1;mem:1024;disk:1024")))
            .chain((0..large).map(|number| (format!("large-{number}"), quota("cpus:4;mem:4096;disk:4096"))))
            .collect();
        time("add frameworks", || {
            for (number, (role, _)) in roles.iter().enumerate() {
                allocator.add_framework(&framework_id(number), framework(role), true);
            }
        });
        add_agents(&mut allocator, agents);
        set_quotas(&mut allocator, roles.iter().map(|(role, quota)| (role.as_str(), quota)));
        two_cycles(&mut allocator);
    }
}

/// The same allocations without quota and with it: two agents and two frameworks for each role.
pub(crate) fn non_quota_vs_quota(roles: usize) {
    for (sorter, has_quota) in
        [Sorter::Drf, Sorter::Random].into_iter().flat_map(|it| [(it, false), (it, true)])
    {
        println!("NonQuotaVsQuota: {roles} roles, {sorter:?}, {}", if has_quota { "quota" } else { "none" });
        let mut allocator = start(sorter);
        time("add frameworks", || {
            for number in 0..2 * roles {
                let role = format!("role-{}", number / 2);
                allocator.add_framework(&framework_id(number), framework(&role), true);
            }
        });
        add_agents(&mut allocator, 2 * roles);
        if has_quota {
            let names: Vec<String> = (0..roles).map(|number| format!("role-{number}")).collect();
            let two_agents = quota("cpus:4;mem:4096;disk:4096");
            set_quotas(&mut allocator, names.iter().map(|role| (role.as_str(), &two_agents)));
        }
        two_cycles(&mut allocator);
    }
}

fn add_agents(allocator: &mut Allocator, agents: usize) {
    let total = resources(AGENT);
    time("add agents", || {
        for number in 0..agents {
            allocator.add_agent(&agent_id(number), agent(&total), &BTreeMap::new());
        }
    });
}

fn set_quotas<'a>(allocator: &mut Allocator, quotas: impl Iterator<Item = (&'a str, &'a Quota)>) {
    time("set quotas", || {
        for (role, quota) in quotas {
            allocator.set_quota(role, Some(quota));
        }
    });
}

fn two_cycles(allocator: &mut Allocator) {
    let mut offers = Vec::new();
    time("first cycle", || cycle(allocator, Time::ZERO, &mut offers));
    println!("  {} offers", offers.len());
    offers.clear();
    let later = Time::ZERO + Duration::from_secs(1);
    time("cycle without offers", || cycle(allocator, later, &mut offers));
    assert!(offers.is_empty(), "everything has been offered");
}

fn quota(text: &str) -> Quota {
    let quantities = ResourceQuantities::parse(text).expect("a quota is valid");
    let amounts: BTreeMap<_, _> =
        quantities.iter().map(|(name, amount)| (name.to_string(), amount)).collect();
    Quota { guarantees: amounts.clone(), limits: amounts }
}
