//! Who is asked to leave an agent.

use super::*;

const LATER: Duration = Duration::from_secs(30);

impl Cluster {
    /// Who is asked now, as `framework agent`.
    fn asked(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.allocator.reclaim(self.now, &mut out);
        self.allocator.check();
        out.into_iter().map(|Reclaim { framework, agent }| format!("{framework} {agent}")).collect()
    }

    fn over(&mut self, framework: &str, agent: &str, spare: Option<Duration>) {
        self.allocator.end_reclaim(self.now, &framework_id(framework), &agent_id(agent), spare);
        self.allocator.check();
    }
}

/// Two frameworks, each with one of two agents, of which one is to become unavailable.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    for name in ["f", "g"] {
        cluster.framework(name, framework(&["r"]));
        cluster.agent(&format!("of-{name}"), "cpus:4");
        cluster.allocator.claim(
            &framework_id(name),
            &agent_id(&format!("of-{name}")),
            &allocated("cpus:4", "r"),
        );
    }
    cluster.allocator.set_unavailable(&agent_id("of-f"), true);
    cluster
}

#[test]
fn who_holds_something_of_the_agent_is_asked_once() {
    let mut cluster = cluster();
    assert_eq!(cluster.asked(), ["f of-f"]);
    cluster.wait(LATER);
    assert_eq!(cluster.asked(), Vec::<String>::new());
}

#[test]
fn an_offer_is_held_too() {
    let mut cluster = cluster();
    cluster.recover("f", "of-f", &allocated("cpus:1", "r"), Some(LATER));
    assert_eq!(cluster.offers(), ["g/r of-f cpus:1"]);
    assert_eq!(cluster.asked(), ["f of-f", "g of-f"]);
}

#[test]
fn who_answered_is_spared_for_the_time_that_it_named() {
    let mut cluster = cluster();
    cluster.asked();
    cluster.over("f", "of-f", Some(Duration::from_secs(5)));
    assert_eq!(cluster.asked(), Vec::<String>::new());
    cluster.wait(Duration::from_secs(4));
    assert_eq!(cluster.asked(), Vec::<String>::new());
    cluster.wait(INTERVAL);
    assert_eq!(cluster.asked(), ["f of-f"]);
    // No time at all is an allocation interval: else the answer would be answered at once without end.
    cluster.over("f", "of-f", Some(Duration::ZERO));
    assert_eq!(cluster.asked(), Vec::<String>::new());
    cluster.wait(INTERVAL);
    assert_eq!(cluster.asked(), ["f of-f"]);
    cluster.over("f", "of-f", None);
    assert_eq!(cluster.asked(), ["f of-f"]);
}

#[test]
fn reviving_deactivating_and_another_unavailability_end_the_spare() {
    let ends: [fn(&mut Cluster); 3] = [
        |cluster| cluster.allocator.revive(&framework_id("f"), &BTreeSet::new()),
        |cluster| {
            cluster.allocator.deactivate_framework(&framework_id("f"));
            assert_eq!(cluster.asked(), Vec::<String>::new());
            cluster.allocator.activate_framework(&framework_id("f"));
        },
        |cluster| cluster.allocator.set_unavailable(&agent_id("of-f"), true),
    ];
    for end in ends {
        let mut cluster = cluster();
        cluster.asked();
        cluster.over("f", "of-f", Some(LATER));
        assert_eq!(cluster.asked(), Vec::<String>::new());
        end(&mut cluster);
        assert_eq!(cluster.asked(), ["f of-f"]);
    }
}

#[test]
fn nobody_is_asked_about_an_agent_that_is_inactive_or_stays() {
    let mut cluster = cluster();
    cluster.allocator.deactivate_agent(&agent_id("of-f"));
    assert_eq!(cluster.asked(), Vec::<String>::new());
    cluster.allocator.activate_agent(&agent_id("of-f"));
    cluster.allocator.set_unavailable(&agent_id("of-f"), false);
    assert_eq!(cluster.asked(), Vec::<String>::new());
}

#[test]
fn a_slow_reader_is_asked_when_it_has_caught_up_and_suppression_is_no_escape() {
    let mut cluster = cluster();
    cluster.allocator.suppress(&framework_id("f"), &BTreeSet::new());
    cluster.allocator.pause_framework(&framework_id("f"));
    assert_eq!(cluster.asked(), Vec::<String>::new());
    cluster.allocator.resume_framework(&framework_id("f"));
    assert_eq!(cluster.asked(), ["f of-f"]);
}
