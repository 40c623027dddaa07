//! The benchmarks of Mesos that have agents and frameworks in a grid, all frameworks in one role.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_allocator::{Allocation, Allocator, Sorter};
use tepui_proto::v1;
use tepui_types::{Reservation, Resources, Time};

use crate::bench::{
    agent, agent_id, allocated, cycle, fragments, framework, framework_id, resources, start, time,
};

const ROLE: &str = "*";
const AGENT: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";
const FOR_EVER: Option<Duration> = Some(Duration::from_secs(i32::MAX as u64));

/// How many rounds are measured at the most; Mesos makes two for each framework.
const MOST_ROUNDS: usize = 10;

/// What is used on each agent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Used {
    /// 16 ranges of ports.
    Fragments,
    /// Two reservations of processors under labels of their own.
    Labels,
}

/// Each round offers every agent, and every offer is declined for ever.
pub(crate) fn decline_offers(agents: usize, frameworks: usize, used: Used) {
    println!("DeclineOffers: {agents} agents, {frameworks} frameworks, {used:?}");
    let mut allocator = start(Sorter::Drf);
    add_frameworks(&mut allocator, frameworks);
    let text = match used {
        Used::Fragments => format!("cpus:16;mem:2014;disk:1024;{}", fragments(16)),
        Used::Labels => "mem:2014;disk:1024".to_owned(),
    };
    time("add agents", || {
        for number in 0..agents {
            let (mut total, mut used_here) = (resources(AGENT), resources(&text));
            if matches!(used, Used::Labels) {
                let labelled = labelled(number);
                total += &labelled;
                used_here += &labelled;
            }
            let used = BTreeMap::from([(framework_id(number % frameworks), allocated(&used_here, ROLE))]);
            allocator.add_agent(&agent_id(number), agent(&total), &used);
        }
    });
    let mut now = Time::ZERO;
    for round in 0..MOST_ROUNDS.min(2 * frameworks) {
        let offers = round_of(&mut allocator, &format!("round {round}"), now);
        give_back(&mut allocator, now, offers, FOR_EVER);
        now += Duration::from_secs(1);
    }
}

/// Agents come, and then each of them gets more resources that can be revoked.
pub(crate) fn add_and_update_agent(agents: usize, frameworks: usize) {
    println!("AddAndUpdateSlave: {agents} agents, {frameworks} frameworks");
    let mut allocator = start(Sorter::Drf);
    for number in 0..frameworks {
        let mut description = framework(ROLE);
        description.capabilities.revocable = true;
        allocator.add_framework(&framework_id(number), description, true);
    }
    let total = resources("cpus:2;mem:1024;disk:4096;ports:[31000-32000]");
    let ports = "ports:[31126-31510,31512-31623,31810-31852,31854-31964]";
    let used = resources(&format!("cpus:1;mem:128;disk:1024;{ports}"));
    time("add agents", || add_agents(&mut allocator, agents, frameworks, &total, &used));
    round_of(&mut allocator, "cycle", Time::ZERO);
    let mut more = total;
    more += &revocable(10.0);
    time("update agents", || {
        (0..agents).for_each(|number| allocator.update_agent(&agent_id(number), agent(&more)));
    });
    round_of(&mut allocator, "cycle after the update", Time::ZERO);
}

/// A fifth of the frameworks more suppresses before each cycle; offers are given back without a filter.
pub(crate) fn suppress_offers(agents: usize, frameworks: usize, cycles: usize) {
    println!("SuppressOffers: {agents} agents, {frameworks} frameworks");
    let (mut allocator, mut now) = half_used(agents, frameworks);
    for round in 0..cycles {
        for number in round * frameworks / cycles..(round + 1) * frameworks / cycles {
            allocator.suppress(&framework_id(number), &BTreeSet::new());
        }
        let suppressed = (round + 1) * frameworks / cycles;
        let offers = round_of(&mut allocator, &format!("cycle, {suppressed} suppressed"), now);
        give_back(&mut allocator, now, offers, None);
        now += Duration::from_secs(1);
    }
}

/// 99 of 100 frameworks are suppressed.
pub(crate) fn extreme_suppress_offers(agents: usize, frameworks: usize) {
    println!("ExtremeSuppressOffers: {agents} agents, {frameworks} frameworks");
    let (mut allocator, mut now) = half_used(agents, frameworks);
    for number in 0..frameworks * 99 / 100 {
        allocator.suppress(&framework_id(number), &BTreeSet::new());
    }
    for round in 0..5 {
        let offers = round_of(&mut allocator, &format!("cycle {round}"), now);
        give_back(&mut allocator, now, offers, None);
        now += Duration::from_secs(1);
    }
}

/// Frameworks and agents come, all is allocated, and then each framework revives with nothing to give.
pub(crate) fn backlog(agents: usize, frameworks: usize) {
    println!("AllocatorBacklog: {agents} agents, {frameworks} frameworks");
    let mut allocator = start(Sorter::Drf);
    time("add frameworks", || add_frameworks(&mut allocator, frameworks));
    let total = resources(AGENT);
    time("add agents", || {
        (0..agents).for_each(|it| allocator.add_agent(&agent_id(it), agent(&total), &BTreeMap::new()));
    });
    round_of(&mut allocator, "cycle", Time::ZERO);
    time("revive each framework, and allocate each time", || {
        for number in 0..frameworks {
            allocator.revive(&framework_id(number), &BTreeSet::new());
            cycle(&mut allocator, Time::ZERO, &mut Vec::new());
        }
    });
}

fn half_used(agents: usize, frameworks: usize) -> (Allocator, Time) {
    let mut allocator = start(Sorter::Drf);
    add_frameworks(&mut allocator, frameworks);
    let used = resources("cpus:16;mem:1024;disk:1024");
    time("add agents", || add_agents(&mut allocator, agents, frameworks, &resources(AGENT), &used));
    let offers = round_of(&mut allocator, "cycle, nobody suppressed", Time::ZERO);
    give_back(&mut allocator, Time::ZERO, offers, None);
    (allocator, Time::ZERO + Duration::from_secs(1))
}

fn add_frameworks(allocator: &mut Allocator, frameworks: usize) {
    (0..frameworks).for_each(|number| allocator.add_framework(&framework_id(number), framework(ROLE), true));
}

fn add_agents(
    allocator: &mut Allocator,
    agents: usize,
    frameworks: usize,
    total: &Resources,
    used: &Resources,
) {
    for number in 0..agents {
        let used = BTreeMap::from([(framework_id(number % frameworks), allocated(used, ROLE))]);
        allocator.add_agent(&agent_id(number), agent(total), &used);
    }
}

fn round_of(allocator: &mut Allocator, what: &str, now: Time) -> Vec<Allocation> {
    let mut offers = Vec::new();
    time(what, || cycle(allocator, now, &mut offers));
    println!("  {} offers", offers.len());
    offers
}

fn give_back(allocator: &mut Allocator, now: Time, offers: Vec<Allocation>, refuse: Option<Duration>) {
    for it in offers {
        allocator.recover(now, &it.framework, &it.agent, &it.resources, refuse);
    }
}

/// Two reservations of eight processors, with eleven labels each, of which the last is no other's.
fn labelled(number: usize) -> Resources {
    let mut sum = Resources::new();
    for half in 0..2 {
        let mut labels: Vec<v1::Label> =
            (0..10).map(|at| label(format!("key{at}"), format!("value{at}"))).collect();
        labels.push(label("unique".to_owned(), format!("{number}-{half}")));
        let info = v1::resource::ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Dynamic as i32),
            role: Some("reserved".to_owned()),
            labels: Some(v1::Labels { labels }),
            ..Default::default()
        };
        let reservation = Reservation::from_proto(&info).expect("the reservation is valid");
        sum += &resources("cpus:8").push_reservation(&reservation).expect("it is not reserved yet");
    }
    sum
}

fn label(key: String, value: String) -> v1::Label {
    v1::Label { key, value: Some(value) }
}

fn revocable(cpus: f64) -> Resources {
    let cpus = v1::Resource {
        name: "cpus".to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value: cpus }),
        revocable: Some(v1::resource::RevocableInfo {}),
        ..Default::default()
    };
    Resources::from_protos(&[cpus]).expect("the resource is valid")
}
