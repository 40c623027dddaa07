//! What is said of a simulation that went wrong, for somebody who has never seen one.

use std::fmt::Write;

use tepui_types::Time;

use crate::cluster::Cluster;
use crate::scheduler::{Habits, Scheduler};

/// A simulation that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Replays it.
    pub seed: u64,
    /// What went wrong.
    pub message: String,
    /// When that was, how many steps were made before, and what the cluster is made of.
    pub scene: String,
    /// What happened before; empty if it was printed as it happened.
    pub trace: String,
}

/// Says where the story had got to and who takes part in it.
pub(crate) fn scene(cluster: &Cluster) -> String {
    let seconds = cluster.now.saturating_duration_since(Time::ZERO).as_secs_f64();
    let phase = if cluster.at_war { "while things go wrong" } else { "after the last fault" };
    let mut scene = format!("after {seconds:.3} s and {} steps, {phase}\n", cluster.steps);
    let leader =
        cluster.leading().map_or("nobody leads".to_owned(), |master| format!("master {master} leads"));
    let (masters, agents) = (cluster.masters.len(), cluster.agents.len());
    let _ = writeln!(scene, "{masters} masters and {agents} agents; {leader}");
    for (number, scheduler) in cluster.schedulers.iter().enumerate() {
        let _ = writeln!(scene, "scheduler {number}: {}", describe(scheduler));
    }
    scene
}

fn describe(scheduler: &Scheduler) -> String {
    let Habits { purpose, roles, .. } = &scheduler.habits;
    let id = scheduler.id.as_ref().map_or_else(|| "without an id".to_owned(), ToString::to_string);
    let habits = [
        (scheduler.habits.custom_executor, "with an executor of its own"),
        (scheduler.habits.suppresses, "suppresses"),
        (scheduler.habits.is_picky, "picky"),
        (scheduler.habits.is_slow, "acknowledges late"),
        (scheduler.habits.is_flapping, "flaps"),
        (scheduler.habits.principal.is_some(), "rate limited"),
    ];
    let mut text = format!("{} ({id}), {purpose:?} in {}", scheduler.name, roles.join(" and "));
    for (_, habit) in habits.iter().filter(|(has, _)| *has) {
        text += ", ";
        text += habit;
    }
    text
}
