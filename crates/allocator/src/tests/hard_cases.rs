//! One test per rule.

use super::*;

const NONE: [&str; 0] = [];

#[test]
fn whoever_comes_first_gets_the_whole_agent() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4;mem:100;ports:[1-10]");
    cluster.framework("f", framework(&["r"]));
    assert_eq!(cluster.offers(), ["f/r a cpus:4; mem:100; ports:[1-10]"]);
    assert_eq!(cluster.offers(), NONE);
    assert_eq!(cluster.allocator.next_deadline(), Some(cluster.now + INTERVAL));
    cluster.wait(INTERVAL);
    assert_eq!(cluster.offers(), NONE);
    assert_eq!(cluster.allocator.next_deadline(), None);
}

#[test]
fn the_framework_with_the_least_share_is_next() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
    cluster.framework("g", framework(&["r"]));
    cluster.agent("b", "cpus:2");
    assert_eq!(cluster.offers(), ["g/r b cpus:2"]);
    cluster.agent("c", "cpus:1");
    assert_eq!(cluster.offers(), ["g/r c cpus:1"]);
}

#[test]
fn roles_are_compared_before_frameworks() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", framework(&["one"]));
    cluster.framework("f2", framework(&["one"]));
    cluster.framework("g", framework(&["two"]));
    for number in 0..8 {
        cluster.agent(&format!("a{number}"), "cpus:1");
    }
    let offers = cluster.offers();
    assert_eq!(offers.iter().filter(|offer| offer.starts_with('g')).count(), 4, "{offers:?}");
}

#[test]
fn what_a_removed_framework_held_counts_to_its_role_no_more() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["one"]));
    cluster.agent("a", "cpus:4");
    assert_eq!(cluster.offers(), ["f/one a cpus:4"]);
    cluster.framework("g", framework(&["one"]));
    cluster.framework("h", framework(&["two"]));
    cluster.agent("b", "cpus:1");
    assert_eq!(cluster.offers(), ["h/two b cpus:1"]);
    cluster.allocator.recover(
        cluster.now,
        &framework_id("f"),
        &agent_id("a"),
        &allocated("cpus:4", "one"),
        None,
    );
    cluster.allocator.remove_framework(&framework_id("f"));
    assert_eq!(cluster.offers(), ["g/one a cpus:4"]);
}

#[test]
fn weights_divide_shares_and_apply_to_roles_that_come_later() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_weight("heavy", 3.0);
    cluster.allocator.set_weight("heavy", f64::NAN);
    cluster.allocator.set_weight("heavy", 0.0);
    cluster.framework("h", framework(&["heavy"]));
    cluster.framework("l", framework(&["light"]));
    for number in 0..16 {
        cluster.agent(&format!("a{number}"), "cpus:1");
    }
    let offers = cluster.offers();
    assert_eq!(offers.iter().filter(|offer| offer.starts_with('h')).count(), 12, "{offers:?}");
}

#[test]
fn a_role_competes_with_its_children() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["a"]));
    cluster.framework("g", framework(&["a/b"]));
    cluster.framework("h", framework(&["c/d/e"]));
    for number in 0..8 {
        cluster.agent(&format!("a{number}"), "cpus:1");
    }
    let offers = cluster.offers();
    let count = |name: char| offers.iter().filter(|offer| offer.starts_with(name)).count();
    assert_eq!((count('f'), count('g'), count('h')), (2, 2, 4), "{offers:?}");
}

#[test]
fn reserved_resources_go_to_the_role_and_those_below() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus(a):1;cpus(b):2;cpus(a/x):4;cpus:8");
    cluster.framework("f", framework(&["a/x"]));
    assert_eq!(
        cluster.offers(),
        ["f/a/x a cpus(reservations: [(STATIC,a)]):1; cpus(reservations: [(STATIC,a/x)]):4; cpus:8"]
    );
    cluster.framework("g", framework(&["a/y"]));
    assert_eq!(cluster.offers(), NONE);
    cluster.framework("h", framework(&["b"]));
    assert_eq!(cluster.offers(), ["h/b a cpus(reservations: [(STATIC,b)]):2"]);
}

#[test]
fn declined_resources_go_to_others_at_once_and_come_back_after_the_filter() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    cluster.framework("g", framework(&["r"]));
    let offers = cluster.allocate();
    assert_eq!(offers[0].framework, framework_id("f"));
    cluster.return_all(&offers, Some(INTERVAL * 5));
    let offers = cluster.allocate();
    assert_eq!(offers[0].framework, framework_id("g"));
    cluster.return_all(&offers, Some(INTERVAL * 9));
    assert_eq!(cluster.offers(), NONE);
    cluster.wait(Duration::from_nanos(4_999_999_999));
    assert_eq!(cluster.offers(), NONE);
    assert!(cluster.allocator.next_deadline() <= Some(cluster.now + Duration::from_nanos(1)));
    cluster.wait(Duration::from_nanos(1));
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn declining_with_zero_seconds_is_damped() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    for _ in 0..10 {
        let offers = cluster.allocate();
        assert_eq!(offers.len(), 1);
        cluster.return_all(&offers, Some(Duration::ZERO));
        assert_eq!(cluster.offers(), NONE);
        cluster.wait(Duration::from_nanos(999_999_999));
        assert_eq!(cluster.offers(), NONE);
        cluster.wait(Duration::from_nanos(1));
    }
}

#[test]
fn two_offers_of_an_agent_that_are_declined_do_not_come_back_as_one() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    cluster.allocate();
    cluster.recover("f", "a", &allocated("cpus:1", "r"), None);
    assert_eq!(cluster.offers(), ["f/r a cpus:1"]);
    cluster.recover("f", "a", &allocated("cpus:1", "r"), Some(Duration::ZERO));
    assert_eq!(cluster.offers(), NONE);
    cluster.recover("f", "a", &allocated("cpus:3", "r"), Some(Duration::ZERO));
    assert_eq!(cluster.offers(), NONE);
    cluster.wait(INTERVAL);
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn decliners_do_not_hand_parts_to_each_other_for_long() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.framework("g", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    let first = cluster.allocate().remove(0);
    // The agent comes back in four parts, each of which is declined by everyone.
    for _ in 0..4 {
        let part = allocated("cpus:1", "r");
        cluster.recover(first.framework.as_str(), "a", &part, None);
        cluster.allocate();
    }
    let mut declined = 0;
    for _ in 0..20 {
        for name in ["f", "g"] {
            let held = cluster.allocator.held(&framework_id(name), &agent_id("a"));
            if !held.is_empty() {
                declined += 1;
                cluster.recover(name, "a", &allocated("cpus:1", "r"), Some(Duration::ZERO));
                cluster.allocate();
            }
        }
    }
    assert!(declined <= 16, "parts go round a few times at most: {declined}");
    let held = |name| cluster.allocator.held(&framework_id(name), &agent_id("a"));
    assert!(held("f").is_empty() && held("g").is_empty(), "all is free, and waits for the interval to end");
}

#[test]
fn more_than_was_refused_defeats_the_filter() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    cluster.allocate();
    cluster.recover("f", "a", &allocated("cpus:3", "r"), Some(INTERVAL * 60));
    assert_eq!(cluster.offers(), NONE);
    cluster.recover("f", "a", &allocated("cpus:1", "r"), None);
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn a_filter_holds_in_one_role_only() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r", "s"]));
    let offers = cluster.allocate();
    assert_eq!(offers[0].role.as_ref(), "r");
    cluster.return_all(&offers, Some(INTERVAL * 5));
    assert_eq!(cluster.offers(), ["f/s a cpus:4"]);
}

#[test]
fn reviving_clears_filters_and_the_damper_of_the_named_roles() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    let offers = cluster.allocate();
    cluster.return_all(&offers, Some(INTERVAL * 500));
    cluster.allocator.revive(&framework_id("f"), &names(&["other"]));
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.revive(&framework_id("f"), &names(&[]));
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn suppressed_roles_get_no_offers_until_they_are_revived() {
    let mut cluster = Cluster::new();
    let mut description = framework(&["r", "s"]);
    description.suppressed = names(&["r"]);
    cluster.framework("f", description.clone());
    cluster.agent("a", "cpus:4");
    assert_eq!(cluster.offers(), ["f/s a cpus:4"]);
    cluster.allocator.suppress(&framework_id("f"), &names(&[]));
    cluster.agent("b", "cpus:2");
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.revive(&framework_id("f"), &names(&["r"]));
    assert_eq!(cluster.offers(), ["f/r b cpus:2"]);
    description.suppressed = names(&["r", "s"]);
    cluster.allocator.update_framework(&framework_id("f"), description.clone());
    cluster.agent("c", "cpus:2");
    assert_eq!(cluster.offers(), NONE);
    description.suppressed = names(&[]);
    cluster.allocator.update_framework(&framework_id("f"), description);
    assert_eq!(cluster.offers().len(), 1);
}

#[test]
fn deactivation_clears_filters_and_keeps_what_is_held() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    cluster.allocate();
    cluster.recover("f", "a", &allocated("cpus:3", "r"), Some(INTERVAL * 500));
    cluster.allocator.deactivate_framework(&framework_id("f"));
    cluster.framework("g", framework(&["r"]));
    assert_eq!(cluster.offers(), ["g/r a cpus:3"]);
    cluster.recover("g", "a", &allocated("cpus:3", "r"), Some(INTERVAL * 500));
    cluster.allocator.activate_framework(&framework_id("f"));
    assert_eq!(cluster.offers(), ["f/r a cpus:3"]);
}

#[test]
fn a_removed_framework_frees_what_it_held() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    let offers = cluster.allocate();
    cluster.allocator.remove_framework(&framework_id("f"));
    cluster.return_all(&offers, None);
    cluster.framework("g", framework(&["s"]));
    assert_eq!(cluster.offers(), ["g/s a cpus:4"]);
}

#[test]
fn a_removed_agent_takes_its_resources_along() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.framework("f", framework(&["r"]));
    cluster.framework("g", framework(&["r"]));
    let offers = cluster.allocate();
    cluster.recover("f", "a", &allocated("cpus:1", "r"), Some(INTERVAL));
    cluster.allocator.remove_agent(&agent_id("a"));
    cluster.return_all(&offers, None);
    assert_eq!(cluster.offers(), NONE);
    cluster.agent("b", "cpus:1");
    // `f` holds nothing any more, but was chosen once.
    assert_eq!(cluster.offers(), ["g/r b cpus:1"]);
}

#[test]
fn an_inactive_agent_is_not_offered() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4");
    cluster.allocator.deactivate_agent(&agent_id("a"));
    cluster.framework("f", framework(&["r"]));
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.activate_agent(&agent_id("a"));
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn what_unknown_frameworks_use_is_not_offered() {
    let mut cluster = Cluster::new();
    let used = BTreeMap::from([(framework_id("f"), allocated("cpus:3", "r"))]);
    cluster.allocator.add_agent(&agent_id("a"), agent(resources("cpus:4")), &used);
    cluster.framework("g", framework(&["r"]));
    assert_eq!(cluster.offers(), ["g/r a cpus:1"]);
    cluster.framework("f", framework(&["s"]));
    cluster.recover("f", "a", &allocated("cpus:3", "r"), None);
    assert_eq!(cluster.offers(), ["f/s a cpus:3"]);
}

#[test]
fn more_use_than_there_is_leaves_nothing_to_offer() {
    let mut cluster = Cluster::new();
    cluster.agent("a", "cpus:4;mem:10");
    cluster.allocator.claim(&framework_id("f"), &agent_id("a"), &allocated("cpus:6", "r"));
    cluster.framework("g", framework(&["r"]));
    assert_eq!(cluster.offers(), ["g/r a mem:10"]);
    cluster.recover("f", "a", &allocated("cpus:1", "r"), None);
    assert_eq!(cluster.offers(), NONE);
    cluster.recover("f", "a", &allocated("cpus:5", "r"), None);
    assert_eq!(cluster.offers(), ["g/r a cpus:4"]);
}

#[test]
fn giving_back_more_than_was_held_frees_only_what_was_held() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    cluster.allocate();
    cluster.recover("f", "a", &allocated("cpus:9;mem:5", "r"), None);
    cluster.recover("f", "a", &allocated("cpus:9", "r"), None);
    cluster.recover("f", "a", &allocated("cpus:9", "other"), None);
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn a_changed_total_is_offered_at_once() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    cluster.allocate();
    cluster.allocator.update_agent(&agent_id("a"), agent(resources("cpus:6")));
    assert_eq!(cluster.offers(), ["f/r a cpus:2"]);
    cluster.allocator.update_agent(&agent_id("a"), agent(resources("cpus:3")));
    cluster.recover("f", "a", &allocated("cpus:2", "r"), None);
    assert_eq!(cluster.offers(), NONE);
    cluster.recover("f", "a", &allocated("cpus:2", "r"), None);
    assert_eq!(cluster.offers(), ["f/r a cpus:1"]);
}

#[test]
fn gpus_are_kept_for_those_who_want_them() {
    for filter_gpu_resources in [true, false] {
        let mut cluster = Cluster::with(Options { filter_gpu_resources, ..Options::default() });
        let mut description = framework(&["r"]);
        description.capabilities.gpu = false;
        cluster.framework("f", description);
        cluster.agent("a", "cpus:4;gpus:1");
        assert_eq!(cluster.offers().is_empty(), filter_gpu_resources);
        cluster.framework("g", framework(&["r"]));
        assert_eq!(cluster.offers().is_empty(), !filter_gpu_resources);
    }
}

#[test]
fn agents_go_only_to_frameworks_that_can_deal_with_them() {
    let mut cluster = Cluster::new();
    let mut description = agent(resources("cpus:1"));
    description.capabilities.multi_role = false;
    cluster.allocator.add_agent(&agent_id("single"), description, &BTreeMap::new());
    let mut description = agent(resources("cpus:1"));
    description.capabilities.hierarchical_role = false;
    cluster.allocator.add_agent(&agent_id("flat"), description, &BTreeMap::new());
    let mut description = agent(resources("cpus:1"));
    description.remote_region = true;
    cluster.allocator.add_agent(&agent_id("remote"), description, &BTreeMap::new());

    let mut description = framework(&["a/b"]);
    description.capabilities.region_aware = false;
    cluster.framework("f", description);
    assert_eq!(cluster.offers(), NONE);
    cluster.framework("g", framework(&["a/b"]));
    assert_eq!(cluster.offers(), ["g/a/b remote cpus:1"]);
    let mut description = framework(&["a"]);
    description.capabilities.multi_role = false;
    cluster.framework("h", description.clone());
    assert_eq!(cluster.offers(), ["h/a flat cpus:1", "h/a single cpus:1"]);
}

#[test]
fn refined_reservations_need_the_capability() {
    use tepui_types::{Reservation, ReservationKind};
    let reservation = |role: &str| Reservation {
        role: role.into(),
        kind: ReservationKind::Dynamic,
        principal: None,
        labels: None,
    };
    let refined = resources("cpus:1").push_reservation(&reservation("a")).unwrap();
    let refined = refined.push_reservation(&reservation("a/b")).unwrap();
    let mut cluster = Cluster::new();
    let mut description = framework(&["a/b"]);
    description.capabilities.reservation_refinement = false;
    cluster.framework("f", description.clone());
    cluster.allocator.add_agent(&agent_id("a"), agent(refined), &BTreeMap::new());
    assert_eq!(cluster.offers(), NONE);
    description.capabilities.reservation_refinement = true;
    cluster.allocator.update_framework(&framework_id("f"), description);
    assert_eq!(cluster.offers().len(), 1);
}

#[test]
fn an_offer_holds_one_of_the_minimal_sets() {
    let quantities = |text: &str| tepui_types::ResourceQuantities::parse(text).unwrap();
    let min_allocatable = vec![quantities("cpus:0.01"), quantities("mem:32")];
    let mut cluster = Cluster::with(Options { min_allocatable, ..Options::default() });
    cluster.agent("a", "mem:31;disk:100");
    cluster.agent("b", "mem:32");
    cluster.framework("f", framework(&["r"]));
    assert_eq!(cluster.offers(), ["f/r b mem:32"]);
    let mut description = framework(&["r", "s"]);
    description.min_allocatable =
        BTreeMap::from([("s".to_owned(), vec![quantities("disk:101")]), ("r".to_owned(), vec![])]);
    description.suppressed = names(&["r"]);
    cluster.framework("g", description);
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.revive(&framework_id("g"), &names(&["r"]));
    assert_eq!(cluster.offers(), ["g/r a mem:31; disk:100"]);
}

#[test]
fn an_operation_changes_what_is_held_and_what_there_is() {
    use tepui_types::{Reservation, ReservationKind};
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    cluster.allocate();
    let reservation =
        Reservation { role: "r".into(), kind: ReservationKind::Dynamic, principal: None, labels: None };
    let from = allocated("cpus:3", "r");
    let to = from.push_reservation(&reservation).unwrap();
    cluster.allocator.convert(&framework_id("f"), &agent_id("a"), &from, &to);
    cluster.allocator.check();
    // What is not held cannot be converted.
    cluster.allocator.convert(&framework_id("f"), &agent_id("a"), &from, &to);
    cluster.recover("f", "a", &(to + allocated("cpus:1", "r")), None);
    cluster.framework("g", framework(&["s"]));
    let offers = cluster.offers();
    assert_eq!(offers.len(), 2, "{offers:?}");
    assert!(offers.contains(&"g/s a cpus:1".to_owned()), "{offers:?}");
}

#[test]
fn one_copy_of_a_shared_volume_is_offered_per_cycle() {
    let mut cluster = Cluster::new();
    let total = resources("cpus:4") + shared_volume("r");
    cluster.allocator.add_agent(&agent_id("a"), agent(total), &BTreeMap::new());
    let mut description = framework(&["r"]);
    description.capabilities.shared = false;
    cluster.framework("e", description);
    let offers = cluster.allocate();
    assert!(offers[0].resources.shared().is_empty(), "{offers:?}");
    cluster.recover("e", "a", &allocated("cpus:2", "r"), Some(INTERVAL * 60));
    cluster.framework("f", framework(&["r"]));
    cluster.framework("g", framework(&["r"]));
    let offers = cluster.allocate();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].resources.shared().len(), 1);
    assert_eq!(cluster.offers(), NONE);
    cluster.wait(INTERVAL);
    let offers = cluster.allocate();
    assert_eq!(offers.len(), 1, "the other framework gets a copy in the next cycle");
    assert_eq!(offers[0].resources.len(), 1);
    // Both have one, so a copy alone is offered to nobody any more.
    cluster.wait(INTERVAL);
    assert_eq!(cluster.offers(), NONE);
    cluster.recover("e", "a", &allocated("cpus:1", "r"), Some(INTERVAL * 60));
    let offers = cluster.allocate();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].resources.len(), 2, "more cpus come with a further copy");
}

#[test]
fn unknown_ids_change_nothing() {
    let mut cluster = Cluster::new();
    let (f, a) = (framework_id("f"), agent_id("a"));
    let part = allocated("cpus:1", "r");
    let allocator = &mut cluster.allocator;
    allocator.update_framework(&f, framework(&["r"]));
    allocator.remove_framework(&f);
    allocator.activate_framework(&f);
    allocator.deactivate_framework(&f);
    allocator.revive(&f, &names(&[]));
    allocator.suppress(&f, &names(&[]));
    allocator.update_agent(&a, agent(resources("cpus:1")));
    allocator.remove_agent(&a);
    allocator.activate_agent(&a);
    allocator.deactivate_agent(&a);
    allocator.recover(Time::ZERO, &f, &a, &part, Some(INTERVAL));
    allocator.claim(&f, &a, &part);
    allocator.convert(&f, &a, &part, &part);
    assert_eq!(cluster.offers(), NONE);
    assert_eq!(cluster.allocator.next_deadline(), None);
}

#[test]
fn who_is_paused_gets_all_at_once_later_and_keeps_what_it_refused() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("refused", "cpus:1");
    let offers = cluster.allocate();
    cluster.return_all(&offers, Some(Duration::from_mins(1)));
    cluster.allocator.pause_framework(&framework_id("f"));
    cluster.agent("a", "cpus:2");
    cluster.agent("b", "cpus:3");
    assert_eq!(cluster.offers(), NONE);
    cluster.wait(Duration::from_secs(5));
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.resume_framework(&framework_id("f"));
    assert_eq!(cluster.offers(), ["f/r a cpus:2", "f/r b cpus:3"]);
}

#[test]
fn what_one_framework_does_not_read_goes_to_another() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.allocator.pause_framework(&framework_id("f"));
    cluster.allocator.pause_framework(&framework_id("unknown"));
    cluster.agent("a", "cpus:2");
    cluster.framework("g", framework(&["r"]));
    assert_eq!(cluster.offers(), ["g/r a cpus:2"]);
}

#[test]
fn constraints_keep_agents_away_until_either_changes() {
    use crate::{AttributeConstraint, Predicate, RoleConstraints, Selector};
    let on = |rack: &str| {
        let mut agent = agent(resources("cpus:4"));
        agent.attributes = tepui_types::Attributes::parse(&format!("rack:{rack}")).unwrap();
        agent
    };
    let wanting = |rack: &str| {
        let selector = Selector::Attribute("rack".to_owned());
        let predicate = Predicate::TextEquals(rack.to_owned());
        let groups = vec![vec![AttributeConstraint { selector, predicate }]];
        let mut framework = framework(&["r", "s"]);
        framework.suppressed = names(&["s"]);
        framework.constraints = BTreeMap::from([("r".to_owned(), RoleConstraints { groups })]);
        framework
    };
    let mut cluster = Cluster::new();
    cluster.allocator.add_agent(&agent_id("a"), on("r1"), &BTreeMap::new());
    cluster.framework("f", wanting("r2"));
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.update_agent(&agent_id("a"), on("r2"));
    let offers = cluster.allocate();
    assert_eq!(offers.len(), 1);
    cluster.return_all(&offers, None);
    cluster.allocator.update_framework(&framework_id("f"), wanting("r3"));
    assert_eq!(cluster.offers(), NONE);
    cluster.allocator.revive(&framework_id("f"), &names(&["s"]));
    assert_eq!(cluster.offers(), ["f/s a cpus:4"], "constraints are those of one role");
}

#[test]
fn an_agent_with_other_attributes_comes_back_to_who_refused_it() {
    let mut cluster = Cluster::new();
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    let offers = cluster.allocate();
    cluster.return_all(&offers, Some(INTERVAL * 100));
    assert_eq!(cluster.offers(), NONE);
    let mut changed = agent(resources("cpus:4"));
    changed.attributes = tepui_types::Attributes::parse("rack:r1").unwrap();
    cluster.allocator.update_agent(&agent_id("a"), changed);
    assert_eq!(cluster.offers(), ["f/r a cpus:4"]);
}

#[test]
fn agents_that_are_not_on_the_whitelist_are_not_offered() {
    let mut cluster = Cluster::new();
    let host = |name: &str| AgentDescription { hostname: name.to_owned(), ..agent(resources("cpus:1")) };
    cluster.framework("f", framework(&["r"]));
    cluster.allocator.set_whitelist(Some(names(&["a", "b"])));
    for name in ["a", "c"] {
        cluster.allocator.add_agent(&agent_id(name), host(name), &BTreeMap::new());
    }
    assert_eq!(cluster.offers(), ["f/r a cpus:1"]);
    cluster.allocator.set_whitelist(Some(names(&["c"])));
    assert_eq!(cluster.offers(), ["f/r c cpus:1"]);
    cluster.recover("f", "a", &allocated("cpus:1", "r"), None);
    assert_eq!(cluster.offers(), NONE, "what comes back stays");
    cluster.allocator.set_whitelist(None);
    assert_eq!(cluster.offers(), ["f/r a cpus:1"]);
    cluster.allocator.set_whitelist(Some(names(&[])));
    cluster.agent("d", "cpus:1");
    assert_eq!(cluster.offers(), NONE, "an empty list admits nobody");
}

#[test]
fn agents_of_other_regions_go_to_those_who_know_of_regions() {
    let mut cluster = Cluster::new();
    let far = AgentDescription { remote_region: true, ..agent(resources("cpus:1")) };
    cluster.allocator.add_agent(&agent_id("far"), far, &BTreeMap::new());
    let mut unaware = framework(&["r"]);
    unaware.capabilities.region_aware = false;
    cluster.framework("f", unaware);
    assert_eq!(cluster.offers(), NONE);
    cluster.framework("g", framework(&["r"]));
    assert_eq!(cluster.offers(), ["g/r far cpus:1"]);
}

/// How often each framework is offered the one agent of a cluster, in this many turns.
fn turns(cluster: &mut Cluster, count: usize) -> BTreeMap<String, usize> {
    let mut turns = BTreeMap::new();
    for _ in 0..count {
        let offers = cluster.allocate();
        assert_eq!(offers.len(), 1);
        *turns.entry(offers[0].framework.to_string()).or_default() += 1;
        cluster.return_all(&offers, None);
    }
    turns
}

#[test]
fn the_random_sorter_gives_turns_by_weight_and_not_by_share() {
    let options = Options { sorter: crate::Sorter::Random, ..Options::default() };
    let mut cluster = Cluster::with(options);
    cluster.allocator.set_weight("heavy", 3.0);
    cluster.framework("h", framework(&["heavy"]));
    cluster.framework("l", framework(&["light"]));
    cluster.agent("a", "cpus:1");
    // Who holds much already has the same chance.
    let used = BTreeMap::from([(framework_id("h"), allocated("cpus:100", "heavy"))]);
    cluster.allocator.add_agent(&agent_id("b"), agent(resources("cpus:100")), &used);
    let turns = turns(&mut cluster, 2000);
    let heavy = turns["h"];
    assert!((1350..1650).contains(&heavy), "three of four turns, and not {heavy} of 2000");
}

#[test]
fn the_random_sorter_is_fair_at_each_level() {
    let options = Options { sorter: crate::Sorter::Random, ..Options::default() };
    let mut cluster = Cluster::with(options);
    for (name, role) in [("f", "a"), ("g", "a"), ("h", "b/c"), ("i", "b/d")] {
        cluster.framework(name, framework(&[role]));
    }
    cluster.agent("a", "cpus:1");
    let turns = turns(&mut cluster, 2000);
    for name in ["f", "g", "h", "i"] {
        assert!((400..600).contains(&turns[name]), "a quarter of the turns each: {turns:?}");
    }
}

fn quota(guarantees: &[(&str, i64)], limits: &[(&str, i64)]) -> crate::Quota {
    let amounts = |list: &[(&str, i64)]| {
        let amount = |whole: i64| tepui_types::Scalar::from_thousandths(whole * 1000);
        list.iter().map(|(name, whole)| ((*name).to_owned(), amount(*whole))).collect()
    };
    crate::Quota { guarantees: amounts(guarantees), limits: amounts(limits) }
}

#[test]
fn a_limit_cuts_offers_and_what_is_not_named_is_not_limited() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_quota("r", Some(&quota(&[], &[("cpus", 3), ("gpus", 0)])));
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:2;mem:10;gpus:1;ports:[1-9]");
    assert_eq!(cluster.offers(), ["f/r a ports:[1-9]; cpus:2; mem:10"]);
    cluster.agent("b", "cpus:2;mem:10");
    assert_eq!(cluster.offers(), ["f/r b cpus:1; mem:10"]);
    cluster.framework("g", framework(&["other"]));
    assert_eq!(cluster.offers(), ["g/other a gpus:1", "g/other b cpus:1"]);
}

#[test]
fn below_a_role_the_limit_is_shared_and_its_reservations_count() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_quota("r", Some(&quota(&[], &[("cpus", 4)])));
    cluster.agent("a", "cpus(r/x):2;cpus:9");
    cluster.framework("f", framework(&["r/y"]));
    assert_eq!(cluster.offers(), ["f/r/y a cpus:2"]);
    cluster.framework("g", framework(&["r/x"]));
    assert_eq!(cluster.offers(), ["g/r/x a cpus(reservations: [(STATIC,r/x)]):2"]);
}

#[test]
fn what_a_limit_withheld_is_offered_when_something_ends_elsewhere() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_quota("r", Some(&quota(&[], &[("cpus", 2)])));
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:2");
    assert_eq!(cluster.offers(), ["f/r a cpus:2"]);
    cluster.agent("b", "cpus:2");
    assert_eq!(cluster.offers(), NONE);
    cluster.wait(INTERVAL);
    assert_eq!(cluster.offers(), NONE);
    cluster.recover("f", "a", &allocated("cpus:2", "r"), Some(Duration::from_mins(1)));
    assert_eq!(cluster.offers(), NONE, "the other agents are looked at in a while");
    cluster.wait(INTERVAL);
    assert_eq!(cluster.offers(), ["f/r b cpus:2"]);
}

#[test]
fn what_is_guaranteed_is_kept_free_for_its_role() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_quota("r", Some(&quota(&[("cpus", 3)], &[])));
    cluster.framework("g", framework(&["other"]));
    for name in ["a", "b", "c", "d"] {
        cluster.agent(name, "cpus:1;mem:4");
    }
    let offers = cluster.allocate();
    let cpus: Resources = offers.iter().map(|offer| &offer.resources).sum();
    assert_eq!(cpus.cpus().map(tepui_types::Scalar::thousandths), Some(1000), "{offers:?}");
    cluster.framework("f", framework(&["r"]));
    let offers = cluster.allocate();
    let cpus: Resources = offers.iter().map(|offer| &offer.resources).sum();
    assert!(offers.iter().all(|offer| offer.role.as_ref() == "r"), "{offers:?}");
    assert_eq!(cpus.cpus().map(tepui_types::Scalar::thousandths), Some(3000));
}

#[test]
fn whose_guarantee_is_not_met_is_asked_first_and_gets_more_only_in_its_turn() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_quota("r", Some(&quota(&[("cpus", 2)], &[])));
    // Held by `f` already, so that by share it would come last.
    let used = BTreeMap::from([(framework_id("f"), allocated("mem:90", "r"))]);
    cluster.allocator.add_agent(&agent_id("z"), agent(resources("mem:90")), &used);
    cluster.framework("f", framework(&["r"]));
    cluster.framework("g", framework(&["other"]));
    cluster.agent("a", "cpus:2;mem:10");
    assert_eq!(cluster.offers(), ["f/r a cpus:2; mem:10"]);
    cluster.agent("b", "cpus:2;mem:10");
    assert_eq!(cluster.offers(), ["g/other b cpus:2; mem:10"]);
}

#[test]
fn without_quota_all_is_as_before() {
    let mut cluster = Cluster::new();
    cluster.allocator.set_quota("r", Some(&quota(&[("cpus", 2)], &[("cpus", 2)])));
    cluster.framework("f", framework(&["r"]));
    cluster.agent("a", "cpus:4");
    assert_eq!(cluster.offers(), ["f/r a cpus:2"]);
    cluster.allocator.set_quota("r", None);
    assert_eq!(cluster.offers(), ["f/r a cpus:2"]);
    cluster.allocator.set_quota("r/nested", Some(&quota(&[("cpus", 9)], &[])));
    assert!(cluster.allocator.quota.is_none(), "only roles at the top have quota");
}
