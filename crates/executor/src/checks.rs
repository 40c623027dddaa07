//! Checks and health checks of tasks.
//!
//! `checker` decides without I/O when a check is due and what its outcome means; `probe` does what a check does; this module
//! runs the one with the other for all tasks of an executor.
//!
//! Both kinds of checks are the same probes. What differs is what is made of the outcome: a check reports it whenever it
//! changes, a health check judges it and, after enough failures, has the task killed.

mod checker;
mod probe;
mod web;

use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use checker::Checker;
pub(crate) use checker::{Outcome, Report, empty_status};
use probe::Probe;
pub(crate) use probe::{Beside, Children, Place};

/// The checks of an executor's tasks.
#[derive(Debug)]
pub(crate) struct Checks {
    began: Instant,
    entries: Vec<Entry>,
    /// Counts the entries, so that the outcome of one that is gone finds no other.
    serial: u64,
    outcomes: mpsc::UnboundedReceiver<(u64, Outcome)>,
    /// Each entry has at most one probe under way, so the channel holds no more than there are entries.
    sender: mpsc::UnboundedSender<(u64, Outcome)>,
    probes: JoinSet<()>,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    task_id: v1::TaskId,
    checker: Checker,
    probe: Arc<Probe>,
    under_way: Option<AbortHandle>,
}

impl Checks {
    pub(crate) fn new() -> Self {
        let (sender, outcomes) = mpsc::unbounded_channel();
        Self {
            began: Instant::now(),
            entries: Vec::new(),
            serial: 0,
            outcomes,
            sender,
            probes: JoinSet::new(),
        }
    }

    /// Begins the checks that a task asks for, in this place.
    ///
    /// # Errors
    /// One of them is none; the master lets no such task through.
    pub(crate) fn add(&mut self, task: &v1::TaskInfo, place: &Place) -> Result<(), String> {
        let now = self.began.elapsed();
        let mut added = Vec::new();
        if let Some(check) = &task.check {
            added.push((Checker::of_check(check, now)?, Probe::of_check(check, place.clone())?));
        }
        if let Some(check) = &task.health_check {
            added
                .push((Checker::of_health_check(check, now)?, Probe::of_health_check(check, place.clone())?));
        }
        for (checker, probe) in added {
            self.serial += 1;
            self.entries.push(Entry {
                serial: self.serial,
                task_id: task.task_id.clone(),
                checker,
                probe: Arc::new(probe),
                under_way: None,
            });
        }
        Ok(())
    }

    /// Ends the checks of a task. A probe that is under way is cut off.
    pub(crate) fn stop(&mut self, task_id: &v1::TaskId) {
        self.entries.retain(|entry| {
            let stays = entry.task_id != *task_id;
            if !stays && let Some(probe) = &entry.under_way {
                probe.abort();
            }
            stays
        });
    }

    /// Checks nothing until `resume`: the agent is away. What comes of probes that are under way is forgotten.
    pub(crate) fn pause(&mut self) {
        for entry in &mut self.entries {
            entry.checker.pause();
            if let Some(probe) = entry.under_way.take() {
                probe.abort();
            }
        }
    }

    /// Checks again, all at once.
    pub(crate) fn resume(&mut self) {
        let now = self.began.elapsed();
        for entry in &mut self.entries {
            entry.checker.resume(now);
        }
    }

    /// The next thing to report. Never ends by itself; may be cut off (`select!`) without losing anything.
    pub(crate) async fn next(&mut self) -> (v1::TaskId, Report) {
        loop {
            self.begin_due();
            let due = self.entries.iter().filter_map(|entry| entry.checker.due()).min();
            tokio::select! {
                biased;
                outcome = self.outcomes.recv() => {
                    let Some((serial, outcome)) = outcome else { continue };
                    if let Some(report) = self.finish(serial, &outcome) {
                        return report;
                    }
                }
                () = sleep_until(self.began, due) => {}
            }
        }
    }

    fn begin_due(&mut self) {
        while self.probes.try_join_next().is_some() {}
        let now = self.began.elapsed();
        for entry in self.entries.iter_mut().filter(|entry| entry.checker.due().is_some_and(|due| due <= now))
        {
            entry.checker.start();
            let probe = Arc::clone(&entry.probe);
            let timeout = entry.checker.timeout();
            let (serial, sender) = (entry.serial, self.sender.clone());
            let run = async move {
                let _ = sender.send((serial, probe.run(timeout).await));
            };
            entry.under_way = Some(self.probes.spawn(run));
        }
    }

    fn finish(&mut self, serial: u64, outcome: &Outcome) -> Option<(v1::TaskId, Report)> {
        let now = self.began.elapsed();
        let entry = self.entries.iter_mut().find(|entry| entry.serial == serial)?;
        entry.under_way.take()?;
        let (name, task_id) = (entry.checker.name(), &entry.task_id.value);
        match outcome {
            Outcome::Done(status) => debug!("{name} for task '{task_id}' returned: {status:?}"),
            Outcome::Failed(why) => warn!("{name} for task '{task_id}' failed: {why}"),
            Outcome::Unavailable => info!("{name} for task '{task_id}' is not available"),
        }
        entry.checker.finish(now, outcome).map(|report| (entry.task_id.clone(), report))
    }
}

async fn sleep_until(began: Instant, due: Option<Duration>) {
    match due.and_then(|due| began.checked_add(due)) {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
