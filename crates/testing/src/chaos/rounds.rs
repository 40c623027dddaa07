//! The rounds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::auditor::Auditor;
use super::checks::Watchers;
use super::cluster::Cluster;
use super::fault::{Begun, Fault, draw_pause};
use super::register::Register;
use super::timings::Timings;
use super::{Plan, Verdict, say, third_party, throwaway};

/// How long a fault that deposes the leader lasts at most.
const DEPOSE_PATIENCE: Duration = Duration::from_secs(30);

/// Runs all rounds; says what did not hold, and in which round of which seed.
pub(crate) fn run(plan: &Plan) -> Verdict {
    let failed = |error: std::io::Error| format!("chaos cannot begin: {error}");
    std::fs::create_dir_all(plan.folder.join("tasks")).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let Some(mut cluster) = Cluster::start(plan, runtime.handle())? else { return Ok(()) };
    let mut watchers = watch(plan, &cluster, &runtime)?;
    let mut random = fastrand::Rng::with_seed(plan.seed);
    say(&format!("chaos: seed {}, {} rounds on {:?}", plan.seed, plan.rounds, plan.store));
    watchers.check(&mut cluster, &mut random).map_err(|wrong| format!("before the first round: {wrong}"))?;
    let mut timings = Timings::default();
    for round in 1..=plan.rounds {
        let faults = draw_faults(&mut random);
        let shown = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let began = Instant::now();
        let held = one_round(&faults, &mut cluster, &mut watchers, &mut random, &mut timings);
        held.map_err(|wrong| format!("seed {}, round {round} ({shown}): {wrong}", plan.seed))?;
        say(&format!(
            "round {round}: {shown}: healed and right after {:.1} s",
            began.elapsed().as_secs_f64()
        ));
    }
    let (tasks, lost) = watchers.auditor.books().ledger.counts();
    let (repeated, writes) = (watchers.auditor.books().ledger.repeated, watchers.register.acknowledgements());
    say(&format!(
        "{tasks} tasks, of which {lost} launches were lost with a master; {repeated} updates came again; {writes} writes \
         were acknowledged; {} frameworks were torn down",
        watchers.torn_down.len()
    ));
    timings.report();
    // What it watches ends first.
    runtime.shutdown_background();
    Ok(())
}

fn watch(plan: &Plan, cluster: &Cluster, runtime: &Runtime) -> Verdict<Watchers> {
    let _guard = runtime.enter();
    let masters = cluster.masters_of_store();
    Ok(Watchers {
        runtime: runtime.handle().clone(),
        auditor: Auditor::start(runtime.handle(), masters.clone(), &plan.folder, plan.seed),
        register: Register::start(runtime.handle(), masters),
        third_parties: third_party::start(plan, cluster)?,
        torn_down: Vec::new(),
        agent_ids: BTreeMap::new(),
    })
}

/// One fault most often, and up to three at once.
fn draw_faults(random: &mut fastrand::Rng) -> Vec<Fault> {
    let count = [1, 1, 1, 2, 2, 3][random.usize(0..6)];
    let mut faults: Vec<Fault> = Vec::new();
    for _ in 0..count {
        let fault = Fault::draw(random);
        if !faults.iter().any(|other| other.excludes(fault)) {
            faults.push(fault);
        }
    }
    faults
}

fn one_round(
    faults: &[Fault],
    cluster: &mut Cluster,
    watchers: &mut Watchers,
    random: &mut fastrand::Rng,
    timings: &mut Timings,
) -> Verdict {
    let leader = super::cluster::until(cluster, "a leader", |cluster| Ok(cluster.leader()))?;
    let death = Instant::now();
    let mut begun = Vec::new();
    for fault in faults {
        if !begun.is_empty() {
            std::thread::sleep(Duration::from_millis(random.u64(0..300)));
        }
        begun.push(Begun::begin(*fault, cluster, leader, &watchers.runtime)?);
    }
    if faults == [Fault::KillLeader] {
        timings.watch(cluster, &watchers.auditor, death);
    }
    // A framework comes and goes while everything is wrong.
    let gone = watchers.runtime.spawn(throwaway::come_and_go(cluster.masters_of_store()));
    let pause = draw_pause(random);
    let is_deposed = faults.iter().any(|fault| fault.deposes())
        && cluster.wait_for_other_leader(Some(leader), DEPOSE_PATIENCE);
    std::thread::sleep(if is_deposed { pause / 4 } else { pause });
    random.shuffle(&mut begun);
    for fault in &begun {
        fault.end(cluster)?;
    }
    let stale = begun.into_iter().find_map(|begun| begun.stale).filter(|_| is_deposed);
    let refused = stale.map(|stale| stale.check(&watchers.runtime)).transpose()?;
    if let Ok(Some(id)) = watchers.runtime.block_on(gone) {
        watchers.torn_down.push(id);
    }
    watchers.check(cluster, random)?;
    match refused {
        Some(id) => watchers.runtime.block_on(throwaway::check_there(cluster.masters_of_store(), id)),
        None => Ok(()),
    }
}
