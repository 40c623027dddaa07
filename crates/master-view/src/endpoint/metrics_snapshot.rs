//! `/metrics/snapshot`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tepui_proto::v1::{self, TaskState};
use tepui_types::{Scalar, WallTime};

use crate::framework::Framework;
use crate::metrics::{COUNTERS, OPERATION_STATES, OPERATION_TYPES};
use crate::view::View;
use tepui_model::json::document;

/// The metrics, by name: the order in which they are shown.
pub(crate) type Metrics = BTreeMap<String, f64>;

impl View {
    /// Renders `/metrics/snapshot`, with the metrics of the shell's own in `more`.
    pub fn metrics_snapshot(&self, now: WallTime, more: &[(String, f64)]) -> Vec<u8> {
        let metrics = self.metrics(now, more);
        document(|object| {
            for (name, value) in &metrics {
                object.field(name, *value);
            }
        })
    }

    /// Gathers all metrics.
    pub(crate) fn metrics(&self, now: WallTime, more: &[(String, f64)]) -> Metrics {
        let mut metrics = Metrics::new();
        self.add_counters(&mut metrics);
        self.add_gauges(&mut metrics, now);
        self.add_task_gauges(&mut metrics);
        self.add_resources(&mut metrics);
        if self.settings.publish_per_framework_metrics {
            for framework in self.frameworks.values().chain(&self.completed_frameworks) {
                add_framework(&mut metrics, framework);
            }
        }
        for principal in self.frameworks.values().filter_map(|it| it.entity.info.principal.as_ref()) {
            let (received, processed) = self.counters.messages_of(principal);
            metrics.insert(format!("frameworks/{principal}/messages_received"), float(received));
            metrics.insert(format!("frameworks/{principal}/messages_processed"), float(processed));
        }
        metrics.extend(more.iter().cloned());
        metrics
    }

    fn add_counters(&self, metrics: &mut Metrics) {
        for name in COUNTERS {
            metrics.insert((*name).to_owned(), 0.0);
        }
        for state in OPERATION_STATES {
            metrics.insert(format!("master/operations/{state}"), 0.0);
            for kind in OPERATION_TYPES {
                metrics.insert(format!("master/operations/{kind}/{state}"), 0.0);
            }
        }
        for (name, value) in self.counters.iter() {
            metrics.insert(name.to_owned(), float(value));
        }
        for (name, value) in self.counters.operations() {
            let count = u64::try_from(value).unwrap_or_default();
            metrics.insert(name.to_owned(), float(count));
        }
    }

    fn add_gauges(&self, metrics: &mut Metrics, now: WallTime) {
        let mut gauge = |name: &str, value: usize| {
            metrics.insert(format!("master/{name}"), float(value as u64));
        };
        let agents = || self.agents.values();
        let frameworks = || self.frameworks.values().map(|framework| &framework.entity);
        gauge("elected", usize::from(self.leader.is_some()));
        gauge("slaves_connected", agents().filter(|agent| agent.connected).count());
        gauge("slaves_disconnected", agents().filter(|agent| !agent.connected).count());
        gauge("slaves_active", agents().filter(|agent| agent.active).count());
        gauge("slaves_inactive", agents().filter(|agent| !agent.active).count());
        gauge("slaves_unreachable", self.unreachable_agents.len());
        gauge("frameworks_connected", frameworks().filter(|framework| framework.connected).count());
        gauge("frameworks_disconnected", frameworks().filter(|framework| !framework.connected).count());
        gauge("frameworks_active", frameworks().filter(|framework| framework.active).count());
        gauge("frameworks_inactive", frameworks().filter(|framework| !framework.active).count());
        gauge("outstanding_offers", self.offers.len());
        // The shell raises these where it has queues and subscribers.
        gauge("operator_event_stream_subscribers", 0);
        gauge("event_queue_messages", 0);
        gauge("event_queue_dispatches", 0);
        gauge("event_queue_http_requests", 0);
        let started = self.leader.as_ref().map_or(now, |leader| leader.started);
        let uptime = (now.as_secs_f64() - started.as_secs_f64()).max(0.0);
        metrics.insert("master/uptime_secs".to_owned(), uptime);
    }

    fn add_task_gauges(&self, metrics: &mut Metrics) {
        let mut counts: BTreeMap<TaskState, u64> = BTreeMap::new();
        for framework in self.frameworks.values() {
            for task in framework.tasks.values().chain(framework.unreachable.values()) {
                *counts.entry(task.state()).or_default() += 1;
            }
        }
        for (name, state) in [
            ("master/tasks_staging", TaskState::TaskStaging),
            ("master/tasks_starting", TaskState::TaskStarting),
            ("master/tasks_running", TaskState::TaskRunning),
            ("master/tasks_killing", TaskState::TaskKilling),
            ("master/tasks_unreachable", TaskState::TaskUnreachable),
        ] {
            metrics.insert(name.to_owned(), float(counts.get(&state).copied().unwrap_or_default()));
        }
    }

    fn add_resources(&self, metrics: &mut Metrics) {
        let mut total = BTreeMap::new();
        let mut used = BTreeMap::new();
        let mut taken = BTreeMap::new();
        for agent in self.agents.values() {
            sum_scalars(&mut total, &agent.total.to_protos());
            let held = agent.used_in_all().to_protos();
            sum_scalars(&mut used, &held);
            sum_scalars(&mut taken, &held);
            sum_scalars(&mut taken, &agent.offered.to_protos());
        }
        for name in ["cpus", "gpus", "mem", "disk"] {
            for (suffix, revocable) in [("", false), ("_revocable", true)] {
                let key = (name.to_owned(), revocable);
                let total = total.get(&key).map_or(0.0, |scalar: &Scalar| scalar.as_f64());
                let used = used.get(&key).map_or(0.0, |scalar: &Scalar| scalar.as_f64());
                let percent = if total > 0.0 { used / total } else { 0.0 };
                metrics.insert(format!("master/{name}{suffix}_total"), total);
                metrics.insert(format!("master/{name}{suffix}_used"), used);
                metrics.insert(format!("master/{name}{suffix}_percent"), percent);
            }
        }
        for (what, sums) in [("total", &total), ("offered_or_allocated", &taken)] {
            for name in ["cpus", "mem", "disk"] {
                let value =
                    sums.get(&(name.to_owned(), false)).map_or(0.0, |scalar: &Scalar| scalar.as_f64());
                metrics.insert(format!("allocator/mesos/resources/{name}/{what}"), value);
            }
        }
    }
}

/// Adds scalars by name and by whether they can be revoked.
fn sum_scalars(sums: &mut BTreeMap<(String, bool), Scalar>, resources: &[v1::Resource]) {
    for resource in resources {
        if let Some(scalar) = &resource.scalar {
            let key = (resource.name.clone(), resource.revocable.is_some());
            *sums.entry(key).or_default() += Scalar::from(scalar);
        }
    }
}

fn add_framework(metrics: &mut Metrics, framework: &Framework) {
    let prefix =
        format!("master/frameworks/{}/{}/", percent_encode(&framework.entity.info.name), framework.id());
    let counters = &framework.counters;
    let mut add = |name: &str, value: u64| {
        metrics.insert(format!("{prefix}{name}"), float(value));
    };
    add("subscribed", u64::from(framework.entity.connected));
    for role in framework.roles() {
        let suppressed = framework.entity.suppressed_roles.iter().any(|suppressed| suppressed == role);
        add(&format!("roles/{role}/suppressed"), u64::from(suppressed));
    }
    for (name, fate) in [
        ("offers/sent", tepui_master_core::OfferFate::Sent),
        ("offers/accepted", tepui_master_core::OfferFate::Accepted),
        ("offers/declined", tepui_master_core::OfferFate::Declined),
        ("offers/rescinded", tepui_master_core::OfferFate::Rescinded),
    ] {
        add(name, counters.offers.get(&fate).copied().unwrap_or_default());
    }
    add("calls", counters.calls.values().sum());
    for kind in numbers().filter_map(|number| v1::scheduler::call::Type::try_from(number).ok()) {
        add(&lower("calls", kind.as_str_name()), counters.calls.get(&kind).copied().unwrap_or_default());
    }
    add("events", counters.events.values().sum());
    for kind in numbers().filter_map(|number| v1::scheduler::event::Type::try_from(number).ok()) {
        add(&lower("events", kind.as_str_name()), counters.events.get(&kind).copied().unwrap_or_default());
    }
    add("operations", counters.operations.values().sum());
    for kind in numbers().filter_map(|number| v1::offer::operation::Type::try_from(number).ok()) {
        add(
            &lower("operations", kind.as_str_name()),
            counters.operations.get(&kind).copied().unwrap_or_default(),
        );
    }
    let mut active: BTreeMap<TaskState, u64> = BTreeMap::new();
    for task in framework.tasks.values().chain(framework.unreachable.values()) {
        *active.entry(task.state()).or_default() += 1;
    }
    for state in (0..32).filter_map(|number| TaskState::try_from(number).ok()) {
        let (kind, counts) = if tepui_types::is_terminal(state) {
            ("terminal", &counters.terminal)
        } else {
            ("active", &active)
        };
        let name = format!("tasks/{kind}/{}", state.as_str_name().to_lowercase());
        add(&name, counts.get(&state).copied().unwrap_or_default());
    }
}

/// Numbers among which all of an enum's values are, without the unknown one.
fn numbers() -> impl Iterator<Item = i32> {
    1..64
}

fn lower(group: &str, name: &str) -> String {
    format!("{group}/{}", name.to_lowercase())
}

/// Encodes a name so that it is one segment of a metric's name, as Mesos does.
fn percent_encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to memory does not fail"),
        }
    }
    encoded
}

#[expect(clippy::cast_precision_loss, reason = "all metrics are doubles")]
fn float(value: u64) -> f64 {
    value as f64
}
