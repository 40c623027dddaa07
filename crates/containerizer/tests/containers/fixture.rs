//! An agent's folders and its containerizer.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tepui_containerizer::{ContainerConfig, Containerizer, Exited, KnownContainer, Settings};
use tepui_linux::ProcessTable;
use tepui_proto::v1;
use tepui_types::ContainerId;
use tokio::sync::mpsc;

pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// The folders of an agent, and its containerizer.
pub(crate) struct Agent {
    pub(crate) containers: Containerizer,
    pub(crate) reports: mpsc::UnboundedReceiver<Exited>,
    pub(crate) folder: tempfile::TempDir,
    settings: Settings,
}

impl Agent {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), |_| {}).await
    }

    pub(crate) async fn start_in(folder: tempfile::TempDir, change: impl FnOnce(&mut Settings)) -> Self {
        let launcher = vec![env!("CARGO_BIN_EXE_tepui-launcher").into()];
        let mut settings = Settings::new(folder.path().join("runtime"), launcher);
        settings.isolation.launcher = Some("posix".to_owned());
        change(&mut settings);
        fs::create_dir_all(folder.path().join("sandbox")).unwrap();
        let deadline = tokio::time::Instant::now() + DEADLINE;
        let (containers, reports) = loop {
            match Containerizer::start(settings.clone()).await {
                Ok(started) => break started,
                // What an earlier agent was doing at its end holds the folder until it is done.
                Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
            }
            tokio::task::yield_now().await;
        };
        Self { containers, reports, folder, settings }
    }

    /// The agent ends without a word, and another one takes its place.
    pub(crate) async fn crash(self) -> Self {
        let Self { containers, reports, folder, settings } = self;
        drop((containers, reports));
        Self::start_in(folder, |fresh| *fresh = settings).await
    }

    pub(crate) fn sandbox(&self) -> PathBuf {
        self.folder.path().join("sandbox")
    }

    pub(crate) fn runtime(&self, id: &str) -> PathBuf {
        self.folder.path().join("runtime/containers").join(id)
    }

    pub(crate) fn config(&self, id: &ContainerId, script: &str) -> ContainerConfig {
        let command = v1::CommandInfo { value: Some(script.into()), ..Default::default() };
        let mut config = ContainerConfig::new(id.clone(), command, self.sandbox());
        config.environment = BTreeMap::from([("GIVEN".to_owned(), "by the agent".to_owned())]);
        config
    }

    pub(crate) async fn launch(&self, id: &str, script: &str) -> u32 {
        self.containers.launch(self.config(&ContainerId::new(id), script)).await.unwrap().pid
    }

    /// The next end that is reported.
    pub(crate) async fn next(&mut self) -> (String, Option<i32>) {
        let exited = tokio::time::timeout(DEADLINE, self.reports.recv()).await.unwrap().unwrap();
        (exited.container_id.to_string(), exited.termination.status)
    }

    pub(crate) fn known(&self, id: &str) -> KnownContainer {
        KnownContainer {
            container_id: ContainerId::new(id),
            pid: None,
            sandbox: self.sandbox(),
            user: None,
            resources: Vec::new(),
            limits: BTreeMap::new(),
            is_idle_at_first: false,
        }
    }

    /// The launcher that serves this agent.
    pub(crate) fn launcher(&self, of: u32) -> u32 {
        let _ = self;
        ProcessTable::read_one(of).unwrap().parent
    }
}

pub(crate) fn is_gone(pid: u32) -> bool {
    ProcessTable::read().unwrap().tree(pid).iter().all(|entry| entry.is_zombie)
}

pub(crate) fn has_ended(pid: u32) -> bool {
    ProcessTable::read_one(pid).is_none_or(|entry| entry.is_zombie)
}

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
