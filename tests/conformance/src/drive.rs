//! Running many cases: masters for each set of flags, some at a time.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;

use crate::masters::{OurMaster, RealMaster, satisfy_holder};
use crate::run::run_case;
use crate::suite::{Outcome, Suite, path};

/// What cases run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Our master, started for the purpose.
    Ours,
    /// A real Mesos, started for the purpose.
    Oracle,
    /// A real Mesos that runs already; only the cases without flags.
    Running(SocketAddr),
}

/// A master while cases run against it.
enum Master {
    Ours(OurMaster),
    Oracle {
        master: RealMaster,
        /// Removed after the master has ended.
        _folder: tempfile::TempDir,
    },
    Running(SocketAddr),
}

impl Master {
    fn start(target: Target, flags: &[String]) -> anyhow::Result<Self> {
        Ok(match target {
            Target::Ours => Self::Ours(OurMaster::start(flags)?),
            Target::Oracle => {
                let folder = tempfile::tempdir()?;
                let master =
                    RealMaster::start(folder.path(), flags)?.context("no real Mesos is installed")?;
                Self::Oracle { master, _folder: folder }
            }
            Target::Running(address) => Self::Running(address),
        })
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(master) => master.address(),
            Self::Oracle { master, .. } => master.address(),
            Self::Running(address) => *address,
        }
    }
}

impl Suite {
    /// Runs all cases, with `threads` masters at a time, and says how each went.
    ///
    /// # Errors
    /// A master does not start, or a case makes no sense.
    pub fn run(&self, target: Target, threads: usize) -> anyhow::Result<Vec<(String, Outcome)>> {
        let mut outcomes = Vec::new();
        for flags in self.flag_sets(target) {
            let work: Vec<_> = self
                .files
                .iter()
                .filter(|file| file.flags == flags)
                .flat_map(|file| file.cases.iter().map(move |case| (file, case)))
                .collect();
            let next = AtomicUsize::new(0);
            let found = Mutex::new(Vec::new());
            std::thread::scope(|scope| {
                let workers: Vec<_> = (0..threads.min(work.len()))
                    .map(|_| {
                        scope.spawn(|| -> anyhow::Result<()> {
                            let master = Master::start(target, &flags)?;
                            let runtime =
                                tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                            if target != Target::Ours {
                                runtime.block_on(satisfy_holder(master.address()))?;
                            }
                            while let Some((file, case)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                                let is_ours = target == Target::Ours;
                                let outcome =
                                    runtime.block_on(self.check(master.address(), file, case, is_ours))?;
                                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                                found.push((path(&file.name, &case.name), outcome));
                            }
                            Ok(())
                        })
                    })
                    .collect();
                workers
                    .into_iter()
                    .try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker failed")))
            })?;
            outcomes.extend(found.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        outcomes.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(outcomes)
    }

    /// Runs all cases against a real Mesos and writes what comes of them as what is expected. Lists what changed.
    ///
    /// # Errors
    /// A master does not start, a case makes no sense, or a file cannot be written.
    pub fn update(&mut self, target: Target) -> anyhow::Result<Vec<String>> {
        anyhow::ensure!(target != Target::Ours, "what is expected comes from a real Mesos only");
        let mut changed = Vec::new();
        for flags in self.flag_sets(target) {
            let mut master = Master::start(target, &flags)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(satisfy_holder(master.address()))?;
            for file in self.files.iter_mut().filter(|file| file.flags == flags) {
                for case in &mut file.cases {
                    if tepui_testing::get(master.address(), "/version").is_none() {
                        // The case before was too much for it.
                        master = Master::start(target, &flags)?;
                        runtime.block_on(satisfy_holder(master.address()))?;
                    }
                    match runtime.block_on(run_case(master.address(), &file.setup, case)) {
                        Ok(done) if done == *case => {}
                        Ok(done) => {
                            changed.push(path(&file.name, &case.name));
                            *case = done;
                        }
                        Err(error) => {
                            changed.push(format!("FAILED {}: {error:#}", path(&file.name, &case.name)));
                        }
                    }
                }
                file.write_cases()?;
            }
        }
        Ok(changed)
    }

    /// Writes down how our master differs in each case that is left by [`Suite::filter`], and why that stays so.
    ///
    /// # Errors
    /// The master does not start, a case makes no sense, or a file cannot be written.
    pub fn write_differences(&self, reason: &str) -> anyhow::Result<Vec<String>> {
        anyhow::ensure!(reason.len() > 1, "a difference needs a reason: UPDATE=\"...\"");
        let mut written = Vec::new();
        for flags in self.flag_sets(Target::Ours) {
            let master = Master::start(Target::Ours, &flags)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(satisfy_holder(master.address()))?;
            for file in self.files.iter().filter(|file| file.flags == flags) {
                for case in &file.cases {
                    let done = runtime.block_on(run_case(master.address(), &file.setup, case))?;
                    if done != *case {
                        let name = path(&file.name, &case.name);
                        self.write_difference(&name, reason, &done.transcript())?;
                        written.push(name);
                    }
                }
            }
        }
        Ok(written)
    }

    /// The sets of flags that some case needs.
    fn flag_sets(&self, target: Target) -> BTreeSet<Vec<String>> {
        let all = self.files.iter().map(|file| file.flags.clone());
        all.filter(|flags| flags.is_empty() || !matches!(target, Target::Running(_))).collect()
    }
}
