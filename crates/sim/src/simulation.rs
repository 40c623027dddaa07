//! One simulation: a cluster drawn from a seed, a time of faults, a time to settle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tepui_types::{Resources, Time};

use crate::agent_host::AgentHost;
use crate::cluster::Cluster;
use crate::election::Election;
use crate::fault;
use crate::invariant::{Invariants, everything_settles};
use crate::maintenance;
use crate::master_host::{MasterHost, Settings};
use crate::network::Network;
use crate::queue::{Event, Queue};
use crate::registry::Store;
use crate::report::{self, Failure};
use crate::scheduler::{Habits, Purpose, Scheduler};
use crate::trace::Trace;

/// When faults begin and end.
const WAR: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(4));

/// How long it may take to settle. The pause between two attempts to deliver an update grows to ten minutes.
const SETTLING: Duration = Duration::from_mins(22);

/// How long before the end somebody comes who wants everything.
const PROBE: Duration = Duration::from_mins(1);

/// A simulation that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// How many steps all cores made together.
    pub steps: u64,
    /// Differs if anything happened otherwise.
    pub fingerprint: u64,
}

/// Runs the simulation of a seed; prints all that happens if `verbose`.
pub fn run(seed: u64, verbose: bool) -> Result<Story, Failure> {
    let mut cluster = build(seed, verbose);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let peace = Time::ZERO + WAR.1;
        cluster.run_until(peace + SETTLING);
        everything_settles::check(&cluster);
    }));
    result.map(|()| Story { steps: cluster.steps, fingerprint: cluster.trace.fingerprint() }).map_err(
        |panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let message = text.unwrap_or_default();
            Failure { seed, message, scene: report::scene(&cluster), trace: cluster.trace.end() }
        },
    )
}

fn build(seed: u64, verbose: bool) -> Cluster {
    let mut random = fastrand::Rng::with_seed(seed);
    let masters = if random.bool() { 1 } else { random.usize(2..=3) };
    let agents = random.usize(1..=5);
    let schedulers = random.usize(1..=4);
    let mut queue = Queue::default();
    let start = Time::ZERO + Duration::from_millis(1);
    let peace = Time::ZERO + WAR.1;
    for (at, fault) in fault::plan(&mut random, (masters, agents, schedulers), Time::ZERO + WAR.0, peace) {
        queue.add(at, Event::Fault(fault));
    }
    for (at, fault) in maintenance::plan(seed, agents, Time::ZERO + WAR.0, peace) {
        queue.add(at, Event::Fault(fault));
    }
    for master in 0..masters {
        queue.add(start, Event::Fault(fault::Fault::MasterStarts { master }));
    }
    for agent in 0..agents {
        let at = start + Duration::from_millis(random.u64(0..3_000));
        queue.add(at, Event::Fault(fault::Fault::AgentStarts { agent }));
    }
    for scheduler in 0..schedulers {
        let at = start + Duration::from_millis(random.u64(0..5_000));
        queue.add(at, Event::Fault(fault::Fault::SchedulerStarts { scheduler }));
        queue.add(at, Event::SchedulerWakes { scheduler });
    }
    let mut network = Network::default();
    network.slow = random.bool();
    // If there is none, nobody may sit on offers.
    let offer_timeout = random.bool().then(|| Duration::from_secs(random.u64(20..60)));
    let mut habits: Vec<_> =
        (0..schedulers).map(|_| habits(&mut random, agents, peace, offer_timeout.is_some())).collect();
    habits.push(probe());
    let end = peace + SETTLING.saturating_sub(PROBE);
    queue.add(end, Event::Fault(fault::Fault::SchedulerStarts { scheduler: schedulers }));
    queue.add(end, Event::SchedulerWakes { scheduler: schedulers });
    let reregister = if random.bool() { Duration::from_mins(10) } else { Duration::from_secs(30) };
    let settings =
        Settings { offer_timeout, has_least_offer: random.bool(), agent_reregister_timeout: reregister };
    Cluster {
        now: Time::ZERO,
        queue,
        network,
        masters: (0..masters).map(|number| MasterHost::new(number, settings.clone())).collect(),
        settings,
        store: Store::default(),
        election: Election::default(),
        greedy: std::collections::BTreeSet::new(),
        agents: (0..agents).map(|number| AgentHost::new(number, total(&mut random))).collect(),
        schedulers: habits
            .into_iter()
            .enumerate()
            .map(|(number, habits)| Scheduler::new(number, habits))
            .collect(),
        invariants: Invariants::default(),
        at_war: true,
        steps: 0,
        trace: Trace::new(verbose),
        random,
    }
}

/// Big enough that the services of all schedulers fit on one agent.
fn total(random: &mut fastrand::Rng) -> Resources {
    let text =
        format!("cpus:{};mem:{};disk:1000;ports:[31000-32000]", random.u8(8..16), random.u16(1024..4096));
    Resources::parse(&text, "*").expect("the total is well-formed")
}

fn habits(random: &mut fastrand::Rng, agents: usize, peace: Time, may_hoard: bool) -> Habits {
    let purpose = match random.u8(..14) {
        0 => Purpose::Decliner,
        1 => Purpose::Wrong,
        2 | 3 if may_hoard => Purpose::Hoarder,
        4..=6 => Purpose::Keeper,
        7..=9 => Purpose::Batch(random.usize(1..12)),
        _ => Purpose::Service(random.usize(1..=agents + 1)),
    };
    let roles = [&["*"][..], &["a"], &["a", "b"], &["b/c"]];
    let roles = roles[random.usize(..roles.len())].iter().map(|role| (*role).to_owned()).collect();
    // A call that is lost is not repeated, so a teardown is only sure to work in peace.
    let teardown = (random.u8(..6) == 0).then(|| peace + Duration::from_secs(random.u64(0..300)));
    let is_keeper = matches!(purpose, Purpose::Keeper);
    let is_hoarder = matches!(purpose, Purpose::Hoarder);
    let is_limited = !is_keeper && random.u8(..8) == 0;
    Habits {
        custom_executor: matches!(purpose, Purpose::Service(_)) && random.bool(),
        reservation_refinement: is_keeper || random.bool(),
        purpose,
        roles,
        partition_aware: random.bool(),
        is_picky: random.u8(..5) == 0,
        is_slow: random.u8(..5) == 0,
        is_flapping: random.u8(..8) == 0,
        principal: is_limited.then(|| "limited".to_owned()),
        busy_until: peace + Duration::from_mins(2),
        suppresses: random.bool() || is_hoarder,
        teardown,
    }
}

/// Somebody who is offered all that nobody uses.
fn probe() -> Habits {
    Habits {
        purpose: Purpose::Hoarder,
        roles: ["*", "a", "b", "b/c"].map(str::to_owned).to_vec(),
        partition_aware: true,
        reservation_refinement: true,
        custom_executor: false,
        suppresses: false,
        is_picky: false,
        is_slow: false,
        is_flapping: false,
        principal: None,
        busy_until: Time::ZERO,
        teardown: None,
    }
}
