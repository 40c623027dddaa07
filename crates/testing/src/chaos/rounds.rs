//! The rounds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::auditor::Auditor;
use super::checks::Watchers;
use super::cluster::{Cluster, REGISTER, until};
use super::fault::{Begun, Fault, draw_pause};
use super::network::Direction;
use super::proxy::Mode;
use super::register::{Register, Value};
use super::timings::Timings;
use super::{Plan, Store, Verdict, guest, say, third_party, throwaway};

/// How long a fault that deposes the leader lasts at most.
const DEPOSE_PATIENCE: Duration = Duration::from_secs(30);

/// Runs all rounds; says what did not hold, and in which round of which seed.
pub(crate) fn run(plan: &Plan) -> Verdict {
    let failed = |error: std::io::Error| format!("chaos cannot begin: {error}");
    std::fs::create_dir_all(plan.folder.join("tasks")).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let Some(mut cluster) = Cluster::start(plan, runtime.handle())? else { return Ok(()) };
    let mut watchers = watch(plan, &mut cluster, &runtime)?;
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let rounds = plan.rounds.unwrap_or_else(|| few(plan.store).len().try_into().expect("a small number"));
    say(&format!("chaos: seed {}, {rounds} rounds on {:?}", plan.seed, plan.store));
    watchers.check(&mut cluster, &mut random).map_err(|wrong| format!("before the first round: {wrong}"))?;
    let mut timings = Timings::default();
    for round in 1..=rounds {
        let given = few(plan.store).get(round as usize - 1).filter(|_| plan.rounds.is_none());
        let faults = given.map_or_else(|| draw_faults(&mut random), |faults| faults.to_vec());
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
    let repeated = watchers.auditor.books().ledger.repeated;
    let writes: u64 = watchers.registers.iter().map(Register::acknowledgements).sum();
    say(&format!(
        "{tasks} tasks, of which {lost} launches were lost with a master; {repeated} updates came again; {writes} writes \
         were acknowledged; {} frameworks were torn down, {} agents marked gone; third parties were started again {} times",
        watchers.torn_down.len(),
        watchers.gone.len(),
        watchers.third_parties.iter().map(|third_party| third_party.restarts).sum::<u32>()
    ));
    timings.report();
    // What it watches ends first.
    runtime.shutdown_background();
    Ok(())
}

fn watch(plan: &Plan, cluster: &mut Cluster, runtime: &Runtime) -> Verdict<Watchers> {
    let _guard = runtime.enter();
    let masters = cluster.masters_of_store();
    let register = |value| Register::start(runtime.handle(), masters.clone(), value, REGISTER);
    let registers = vec![register(Value::GracePeriod), register(Value::Weight)];
    // From then on nothing of that agent is offered.
    until(cluster, "the first acknowledged write", |_| {
        Ok((registers[0].acknowledgements() > 0).then_some(()))
    })?;
    Ok(Watchers {
        runtime: runtime.handle().clone(),
        auditor: Auditor::start(runtime.handle(), masters, &plan.folder, plan.seed),
        registers,
        third_parties: third_party::start(plan, cluster)?,
        torn_down: Vec::new(),
        gone: Vec::new(),
        agent_ids: BTreeMap::new(),
    })
}

/// The rounds of every test run: together, for both stores, what matters most.
fn few(store: Store) -> &'static [&'static [Fault]] {
    match store {
        Store::Etcd => &[&[Fault::StopLeader], &[Fault::KillLeader, Fault::KillAgent(0)]],
        Store::ZooKeeper => &[
            &[Fault::CutLeaderFromStore(Mode::Silent), Fault::CutAgent(0, Direction::FromAgent)],
            &[Fault::KillStore],
        ],
    }
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
    let leader = until(cluster, "a leader", |cluster| Ok(cluster.leader()))?;
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
    // A framework and an agent come and go while everything is wrong.
    let torn_down = watchers.runtime.spawn(throwaway::come_and_go(cluster.masters_of_store()));
    let (masters, addresses) = (cluster.masters_of_store(), cluster.addresses_of_masters());
    let handle = watchers.runtime.clone();
    let gone =
        watchers.runtime.spawn_blocking(move || guest::come_and_be_marked_gone(&handle, masters, &addresses));
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
    watchers.torn_down.extend(watchers.runtime.block_on(torn_down).ok().flatten());
    watchers.gone.extend(watchers.runtime.block_on(gone).ok().flatten());
    watchers.check(cluster, random)?;
    match refused {
        Some(id) => watchers.runtime.block_on(throwaway::check_there(cluster.masters_of_store(), id)),
        None => Ok(()),
    }
}
