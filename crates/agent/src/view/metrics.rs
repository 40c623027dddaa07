//! `/metrics/snapshot`.

use std::collections::BTreeMap;

use tepui_agent_core::{ExecutorState, TaskPlace};
use tepui_proto::v1::{self, TaskState};
use tepui_types::{ResourceName, Resources, Scalar};

use super::View;
use crate::clock::wall;
use crate::machine;
use tepui_model::json::document;

/// Counters that are shown before they first count.
const COUNTERS: [&str; 13] = [
    "slave/container_launch_errors",
    "slave/executors_preempted",
    "slave/executors_terminated",
    "slave/invalid_framework_messages",
    "slave/invalid_status_updates",
    "slave/recovery_errors",
    "slave/tasks_failed",
    "slave/tasks_finished",
    "slave/tasks_gone",
    "slave/tasks_killed",
    "slave/tasks_lost",
    "slave/valid_framework_messages",
    "slave/valid_status_updates",
];

impl View {
    /// Renders `/metrics/snapshot`.
    pub(crate) fn metrics_snapshot(&self) -> Vec<u8> {
        document(|object| {
            for (name, value) in self.metrics() {
                object.field(&name, value);
            }
        })
    }

    /// All metrics, by name.
    #[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all: BTreeMap<String, f64> = COUNTERS.iter().map(|&name| (name.to_owned(), 0.0)).collect();
        for (&name, &count) in &self.counters {
            all.insert(name.to_owned(), count as f64);
        }
        let uptime = wall().as_secs_f64() - self.started.as_secs_f64();
        all.insert("slave/uptime_secs".to_owned(), uptime.max(0.0));
        all.insert("slave/registered".to_owned(), f64::from(u8::from(self.registered)));
        all.insert("slave/frameworks_active".to_owned(), self.frameworks.len() as f64);
        let max_age = self.max_age.as_secs_f64();
        all.insert("slave/executor_directory_max_allowed_age_secs".to_owned(), max_age);
        let fetcher = self.fetcher.metrics();
        for (name, value) in [
            ("task_fetches_succeeded", fetcher.task_fetches_succeeded),
            ("task_fetches_failed", fetcher.task_fetches_failed),
            ("cache_size_total_bytes", fetcher.cache_size_total_bytes),
            ("cache_size_used_bytes", fetcher.cache_size_used_bytes),
        ] {
            all.insert(format!("containerizer/fetcher/{name}"), value as f64);
        }
        self.add_tasks(&mut all);
        self.add_executors(&mut all);
        self.add_resources(&mut all);
        for (name, value) in machine::metrics() {
            all.insert(name.to_owned(), value);
        }
        all
    }

    fn add_tasks(&self, all: &mut BTreeMap<String, f64>) {
        for name in ["staging", "starting", "running", "killing"] {
            all.insert(format!("slave/tasks_{name}"), 0.0);
        }
        for (place, task) in self.executors().flat_map(|executor| executor.tasks.values()) {
            let name = match (place, task.state()) {
                (TaskPlace::Queued, _) | (TaskPlace::Launched, TaskState::TaskStaging) => "staging",
                (TaskPlace::Launched, TaskState::TaskStarting) => "starting",
                (TaskPlace::Launched, TaskState::TaskRunning) => "running",
                (TaskPlace::Launched, TaskState::TaskKilling) => "killing",
                (TaskPlace::Launched | TaskPlace::Terminated | TaskPlace::Completed, _) => continue,
            };
            *all.entry(format!("slave/tasks_{name}")).or_default() += 1.0;
        }
    }

    fn add_executors(&self, all: &mut BTreeMap<String, f64>) {
        for name in ["registering", "running", "terminating"] {
            all.insert(format!("slave/executors_{name}"), 0.0);
        }
        for executor in self.executors() {
            let name = match executor.state {
                ExecutorState::Registering => "registering",
                ExecutorState::Running => "running",
                ExecutorState::Terminating => "terminating",
                ExecutorState::Terminated => continue,
            };
            *all.entry(format!("slave/executors_{name}")).or_default() += 1.0;
        }
    }

    fn add_resources(&self, all: &mut BTreeMap<String, f64>) {
        let total = Resources::from_protos(&self.config.core.resources).unwrap_or_default();
        let used = Resources::from_protos(&self.used()).unwrap_or_default();
        for kind in ["cpus", "gpus", "mem", "disk"] {
            let name = ResourceName::from(kind);
            for (suffix, total, used) in [
                ("", total.non_revocable(), used.non_revocable()),
                ("_revocable", total.revocable(), used.revocable()),
            ] {
                let total = total.scalar(&name).map_or(0.0, Scalar::as_f64);
                let used = used.scalar(&name).map_or(0.0, Scalar::as_f64);
                let percent = if total > 0.0 { used / total } else { 0.0 };
                all.insert(format!("slave/{kind}{suffix}_total"), total);
                all.insert(format!("slave/{kind}{suffix}_used"), used);
                all.insert(format!("slave/{kind}{suffix}_percent"), percent);
            }
        }
    }

    /// The metrics as the v1 API says them.
    pub(crate) fn v1_metrics(&self) -> Vec<v1::Metric> {
        self.metrics().into_iter().map(|(name, value)| v1::Metric { name, value: Some(value) }).collect()
    }
}
