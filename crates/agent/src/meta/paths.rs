//! Where Mesos' agent has what under `<work_dir>/meta`.

use std::path::{Path, PathBuf};

use tepui_agent_core::Run;

/// The paths of one work folder.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    meta: PathBuf,
}

impl Paths {
    pub(crate) fn new(work_dir: &Path) -> Self {
        Self { meta: work_dir.join("meta") }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.meta
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.meta.join("tepui.journal")
    }

    /// Says when we wrote `boot_id`.
    pub(crate) fn ours(&self) -> PathBuf {
        self.meta.join("tepui.boot_id_written")
    }

    pub(crate) fn boot_id(&self) -> PathBuf {
        self.meta.join("boot_id")
    }

    pub(crate) fn resources(&self, file: &str) -> PathBuf {
        self.meta.join("resources").join(file)
    }

    pub(crate) fn latest_agent(&self) -> PathBuf {
        self.meta.join("slaves/latest")
    }

    pub(crate) fn agent(&self, agent: &str) -> PathBuf {
        self.meta.join("slaves").join(agent)
    }

    pub(crate) fn framework(&self, agent: &str, framework: &str) -> PathBuf {
        self.agent(agent).join("frameworks").join(framework)
    }

    pub(crate) fn executor(&self, agent: &str, framework: &str, executor: &str) -> PathBuf {
        self.framework(agent, framework).join("executors").join(executor)
    }

    pub(crate) fn run(&self, agent: &str, run: &Run) -> PathBuf {
        self.executor(agent, run.framework.as_str(), run.executor.as_str())
            .join("runs")
            .join(run.container.as_str())
    }

    pub(crate) fn task(&self, agent: &str, run: &Run, task: &str) -> PathBuf {
        self.run(agent, run).join("tasks").join(task)
    }
}
