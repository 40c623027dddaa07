//! A run: swarm and fleet against a master, phase by phase.

mod failover;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::board::{Board, read};
use crate::fleet::{self, FleetResult};
use crate::plan::Plan;
use crate::process::{Memory, Process};
use crate::reads::{self, ReadResult};
use crate::report::{Phase, Report};
use crate::swarm;

/// How often the end of a phase is looked for: its wall time is as exact as that.
const POLL: Duration = Duration::from_millis(2);

/// The master that is driven.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Where it listens.
    pub master: SocketAddr,
    /// Its process.
    pub process: Process,
}

/// Drives a master by a plan. `progress` is told what happens, now and then.
///
/// # Errors
/// The master is not there, a phase took too long, or a thread failed.
pub fn run(plan: Plan, target: Target, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let board = Arc::new(Board::new(target.master, plan.agents, plan.warmup_seconds <= 0.0));
    let plan = Arc::new(plan);
    let mut run = Run {
        report: Report::new(&plan, target.process.memory()),
        swarm: Vec::new(),
        fleet: Vec::new(),
        plan,
        board,
        target,
        progress,
    };
    let result = run.phases();
    run.board.stop.store(true, Ordering::Relaxed);
    let ended = run.end();
    result?;
    ended?;
    Ok(run.report)
}

struct Run<'a> {
    plan: Arc<Plan>,
    board: Arc<Board>,
    target: Target,
    report: Report,
    swarm: Vec<JoinHandle<anyhow::Result<()>>>,
    fleet: Vec<JoinHandle<anyhow::Result<FleetResult>>>,
    progress: &'a mut dyn FnMut(&str),
}

/// What was so when a phase began.
struct Start {
    at: Instant,
    master: Duration,
    load: Vec<(String, Duration)>,
}

impl Run<'_> {
    fn phases(&mut self) -> anyhow::Result<()> {
        let agents = self.plan.agents;
        let start = self.start();
        self.start_swarm()?;
        let name = if self.plan.reregister_tasks > 0 { "re-register" } else { "register" };
        self.wait(name, agents, |board| read(&board.registered))?;
        let operations = agents * self.plan.reregister_tasks.max(1);
        self.finish(name, &start, operations);
        self.report.memory_agents = self.settled_memory();
        if self.plan.reregister_tasks == 0 {
            self.tasks()?;
        } else {
            self.read_all()?;
        }
        self.extras()
    }

    fn tasks(&mut self) -> anyhow::Result<()> {
        let start = self.start();
        self.start_fleet()?;
        let frameworks = fleet::policies(&self.plan).len();
        self.wait("subscribe", frameworks, |board| read(&board.subscribed))?;
        let tasks = if self.plan.frameworks == 0 { 0 } else { self.plan.tasks };
        let poller = self.plan.poll_state.then(|| self.start_poller()).transpose()?;
        if self.plan.holds() {
            self.wait("launch", tasks, |board| read(&board.running))?;
            self.finish("launch", &start, tasks);
            self.report.memory_tasks = self.settled_memory();
            self.read_all()?;
            self.hold();
            if self.plan.follows() {
                self.failover()?;
            }
            self.board.release.store(true, Ordering::Relaxed);
            let start = self.start();
            self.wait("finish", tasks, |board| read(&board.finished))?;
            self.finish("finish", &start, tasks);
        } else {
            self.steady(tasks)?;
            let (silent, agents) = (self.plan.silent > 0, self.plan.agents);
            self.wait("run", tasks, |board| match (silent, agents) {
                (true, _) => read(&board.seen_running),
                // Real agents do not count for us.
                (false, 0) => read(&board.seen_terminal),
                (false, _) => read(&board.finished),
            })?;
            self.finish("run", &start, tasks);
            self.read_all()?;
        }
        if let Some(poller) = poller {
            self.board.stop_polling.store(true, Ordering::Relaxed);
            let polls = poller.join().ok().context("the thread that polls failed")?;
            self.report.reads.push(polls);
        }
        if self.plan.silent == 0 {
            self.check_balance(tasks)?;
        }
        Ok(())
    }

    /// Waits until tasks come and go at one pace, and measures from there until none is left to launch.
    fn steady(&mut self, tasks: usize) -> anyhow::Result<()> {
        if self.plan.warmup_seconds <= 0.0 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs_f64(self.plan.warmup_seconds));
        let launched = read(&self.board.launched);
        if launched >= tasks {
            bail!("all tasks were launched before the load was steady: `tasks` is too small");
        }
        self.board.is_warm.store(true, Ordering::Relaxed);
        let start = self.start();
        self.wait("steady", tasks, |board| read(&board.launched))?;
        self.finish("steady", &start, tasks - launched);
        Ok(())
    }

    /// Phases that need nothing but a master with agents.
    fn extras(&mut self) -> anyhow::Result<()> {
        if self.plan.pongs > 0 {
            let pongs = self.plan.pongs;
            let start = self.start();
            self.board.wants_pongs.store(true, Ordering::Relaxed);
            self.wait("pong", pongs, |board| read(&board.pongs))?;
            self.finish("pong", &start, pongs);
        }
        if self.plan.reconcile > 0 {
            let tasks = self.plan.reconcile;
            let start = self.start();
            self.board.wants_reconcile.store(true, Ordering::Relaxed);
            self.wait("reconcile", tasks, |board| read(&board.reconciled))?;
            self.finish("reconcile", &start, tasks);
        }
        Ok(())
    }

    fn start_swarm(&mut self) -> anyhow::Result<()> {
        for thread in 0..self.plan.swarm_threads.max(1) {
            let (plan, board, master) = (Arc::clone(&self.plan), Arc::clone(&self.board), self.target.master);
            self.swarm.push(
                std::thread::Builder::new()
                    .name(format!("swarm-{thread}"))
                    .spawn(move || swarm::run(thread, &plan, &board, master))?,
            );
        }
        Ok(())
    }

    fn start_fleet(&mut self) -> anyhow::Result<()> {
        for thread in 0..self.plan.fleet_threads.max(1) {
            let (plan, board, master) = (Arc::clone(&self.plan), Arc::clone(&self.board), self.target.master);
            self.fleet.push(
                std::thread::Builder::new()
                    .name(format!("fleet-{thread}"))
                    .spawn(move || fleet::run(thread, &plan, &board, master))?,
            );
        }
        Ok(())
    }

    fn start_poller(&self) -> anyhow::Result<JoinHandle<ReadResult>> {
        let (board, master) = (Arc::clone(&self.board), self.target.master);
        Ok(std::thread::Builder::new().name("poller".to_owned()).spawn(move || {
            let mut result = ReadResult::new("state (polled)");
            while !board.stop_polling.load(Ordering::Relaxed) && !board.is_stopped() {
                if let Ok(read) = reads::fetch(master, "state") {
                    result.add(&read);
                }
            }
            result
        })?)
    }

    fn start(&self) -> Start {
        Start {
            at: Instant::now(),
            master: self.target.process.processor_time(),
            load: Process::own().threads().into_iter().collect(),
        }
    }

    fn finish(&mut self, name: &str, start: &Start, operations: usize) {
        let wall = start.at.elapsed();
        let master = self.target.process.processor_time().saturating_sub(start.master);
        let before = |name: &str| {
            start.load.iter().find(|(it, _)| it == name).map_or(Duration::ZERO, |(_, time)| *time)
        };
        let load = Process::own().threads().into_iter().filter(|(name, _)| is_load(name));
        let load = load.map(|(name, time)| (name.clone(), time.saturating_sub(before(&name)))).collect();
        let phase = Phase { name: name.to_owned(), wall, master, load, operations };
        (self.progress)(&phase.to_string());
        self.report.phases.push(phase);
    }

    /// Waits until a counter has reached its goal.
    fn wait(&mut self, phase: &str, goal: usize, counter: impl Fn(&Board) -> usize) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut said = start;
        loop {
            let count = counter(&self.board);
            if count >= goal {
                return Ok(());
            }
            let ended = self.swarm.iter().any(JoinHandle::is_finished)
                || self.fleet.iter().any(JoinHandle::is_finished);
            if ended {
                self.board.stop.store(true, Ordering::Relaxed);
                self.end()?;
                bail!("a thread of the load ended in phase `{phase}`");
            }
            if start.elapsed().as_secs_f64() > self.plan.patience_seconds {
                bail!("phase `{phase}` reached only {count} of {goal} in time: {}", self.counters());
            }
            if said.elapsed() > Duration::from_secs(1) {
                said = Instant::now();
                let counters = self.counters();
                (self.progress)(&format!("{phase}: {count} of {goal}; {counters}"));
            }
            std::thread::sleep(POLL);
        }
    }

    fn counters(&self) -> String {
        let board = &self.board;
        format!(
            "offers {} launched {} received {} running {} ended {} retries {} pings {}",
            read(&board.offers),
            read(&board.launched),
            read(&board.received),
            read(&board.seen_running),
            read(&board.seen_terminal),
            read(&board.retries),
            read(&board.pings),
        )
    }

    /// The master's memory once the work of a phase has been put away.
    fn settled_memory(&self) -> Memory {
        std::thread::sleep(Duration::from_millis(300));
        self.target.process.memory()
    }

    fn hold(&mut self) {
        if self.plan.hold_seconds > 0.0 {
            let start = self.start();
            std::thread::sleep(Duration::from_secs_f64(self.plan.hold_seconds));
            self.finish("idle", &start, 0);
        }
    }

    fn read_all(&mut self) -> anyhow::Result<()> {
        for kind in self.plan.reads.clone().split(',').map(str::trim).filter(|kind| !kind.is_empty()) {
            let start = self.start();
            let mut result = ReadResult::new(kind);
            for _ in 0..self.plan.read_count {
                result.add(&reads::fetch(self.target.master, kind)?);
            }
            self.report.reads.push(result);
            self.finish(&format!("read {kind}"), &start, self.plan.read_count);
        }
        Ok(())
    }

    /// The master's own books: nothing is in use, and it counted what we counted.
    fn check_balance(&mut self, tasks: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let metrics = reads::metrics(self.target.master)?;
            let value = |name: &str| metrics[name].as_f64().unwrap_or(f64::NAN);
            let zero =
                ["master/cpus_used", "master/mem_used", "master/tasks_running", "master/tasks_staging"];
            let wrong: Vec<String> = zero
                .iter()
                .filter(|name| value(name) != 0.0)
                .map(|name| format!("{name} is {} in the end", value(name)))
                .collect();
            // What ended before a failover its leader had counted.
            let finished = if self.plan.follows() { tasks as f64 } else { value("master/tasks_finished") };
            if wrong.is_empty() && finished >= tasks as f64 {
                return Ok(());
            }
            if Instant::now() > deadline {
                for text in wrong {
                    self.report.ledger.violation(text);
                }
                if finished < tasks as f64 {
                    self.report
                        .ledger
                        .violation(format!("the master counted {finished} of {tasks} finished tasks"));
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends all threads and closes the books.
    fn end(&mut self) -> anyhow::Result<()> {
        let mut failed = Ok(());
        for thread in self.fleet.drain(..) {
            match thread.join().ok().context("a thread of the fleet failed")? {
                Ok(result) => self.report.ledger.add(&result),
                Err(error) => failed = Err(error),
            }
        }
        for thread in self.swarm.drain(..) {
            let ended = thread.join().ok().context("a thread of the swarm failed")?;
            failed = failed.and(ended);
        }
        let board = &self.board;
        let lost = read(&board.lost);
        if lost > 0 {
            self.report.ledger.violation(format!("{lost} agents were told to shut down"));
        }
        let (repeated, retries) = (self.report.ledger.repeated, read(&board.retries));
        if repeated > retries {
            self.report
                .ledger
                .violation(format!("{repeated} repeated updates, of which agents sent {retries}"));
        }
        self.report.retries = retries;
        self.report.pings = read(&board.pings);
        self.report.flaps = read(&board.flaps);
        self.report.offers = read(&board.offers);
        failed
    }
}

fn is_load(thread: &str) -> bool {
    thread.starts_with("swarm-") || thread.starts_with("fleet-") || thread == "poller"
}
