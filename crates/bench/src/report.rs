//! What a run found: a table for people, JSON for machines.

use std::fmt::{self, Write as _};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value as Json, json};

use crate::fleet::FleetResult;
use crate::plan::Plan;
use crate::process::Memory;
use crate::reads::{ReadResult, median};

/// A side that is busy for more than this share of a phase may be what limits it.
const BUSY: f64 = 0.9;

/// The percentiles that are told.
const PERCENTILES: [f64; 4] = [50.0, 90.0, 99.0, 99.9];

/// A part of a run.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What it is called.
    pub name: String,
    /// How long it took.
    pub wall: Duration,
    /// The master's processor time.
    pub master: Duration,
    /// The processor time of each thread of ours.
    pub load: Vec<(String, Duration)>,
    /// How many operations it held.
    pub operations: usize,
}

impl Phase {
    /// Operations per second.
    pub fn per_second(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }

    /// Operations per second of the master's processor time.
    pub fn per_master_second(&self) -> f64 {
        self.operations as f64 / self.master.as_secs_f64()
    }

    /// What the wall time may be limited by.
    pub fn bottleneck(&self) -> String {
        let share = |time: Duration| time.as_secs_f64() / self.wall.as_secs_f64();
        let total: Duration = self.load.iter().map(|(_, time)| *time).sum();
        let busiest = self.load.iter().max_by_key(|(_, time)| *time);
        match busiest {
            Some((name, time)) if share(*time) > BUSY => {
                format!("load ({name} busy): the wall figure is a lower bound")
            }
            _ if share(self.master) > BUSY => "master".to_owned(),
            _ if share(self.master + total) > 2.0 * BUSY => "both processors".to_owned(),
            _ => "neither: waiting, or the machine was shared".to_owned(),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load: Duration = self.load.iter().map(|(_, time)| *time).sum();
        let (wall, master) = (self.wall.as_secs_f64(), self.master.as_secs_f64());
        write!(f, "{:<24} {wall:>9.3} s wall {master:>8.2} s master", self.name)?;
        write!(f, " {:>8.2} s load {:>9} ops", load.as_secs_f64(), self.operations)?;
        if self.operations > 0 {
            write!(f, " {:>10.0}/s {:>10.0}/master-s", self.per_second(), self.per_master_second())?;
        }
        write!(f, "  limit: {}", self.bottleneck())
    }
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Its parts, in order.
    pub phases: Vec<Phase>,
    /// The master's memory before anything.
    pub memory_empty: Memory,
    /// With all agents.
    pub memory_agents: Memory,
    /// With all tasks running.
    pub memory_tasks: Memory,
    /// What was read.
    pub reads: Vec<ReadResult>,
    pub(crate) ledger: FleetResult,
    pub(crate) retries: usize,
    pub(crate) pings: usize,
    pub(crate) flaps: usize,
    pub(crate) offers: usize,
}

impl Report {
    pub(crate) fn new(plan: &Plan, memory: Memory) -> Self {
        Self {
            settings: plan.settings(),
            phases: Vec::new(),
            memory_empty: memory,
            memory_agents: Memory::default(),
            memory_tasks: Memory::default(),
            reads: Vec::new(),
            ledger: FleetResult::default(),
            retries: 0,
            pings: 0,
            flaps: 0,
            offers: 0,
        }
    }

    /// Claims that every task ended exactly once and nothing was lost. Otherwise there is no result.
    pub fn is_right(&self) -> bool {
        self.ledger.violation_count == 0
    }

    /// What is wrong, in words; at most some.
    pub fn violations(&self) -> &[String] {
        &self.ledger.violations
    }

    fn number(&self, key: &str) -> f64 {
        self.settings
            .iter()
            .find(|(name, _)| *name == key)
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(0.0)
    }

    /// Bytes of the master's memory (Pss) per agent.
    pub fn bytes_per_agent(&self) -> f64 {
        let growth = self.memory_agents.proportional as f64 - self.memory_empty.proportional as f64;
        growth / self.number("agents").max(1.0)
    }

    /// Bytes of the master's memory (Pss) per running task, if tasks were held.
    pub fn bytes_per_task(&self) -> Option<f64> {
        let growth = self.memory_tasks.proportional as f64 - self.memory_agents.proportional as f64;
        (self.memory_tasks.proportional > 0).then(|| growth / self.number("tasks").max(1.0))
    }

    /// The report as JSON.
    pub fn to_json(&self) -> Json {
        let seconds = |duration: &Duration| json!(duration.as_secs_f64());
        let phases: Vec<Json> = self
            .phases
            .iter()
            .map(|phase| {
                let load: serde_json::Map<String, Json> =
                    phase.load.iter().map(|(name, time)| (name.clone(), seconds(time))).collect();
                json!({
                    "name": phase.name, "wall_s": seconds(&phase.wall), "master_s": seconds(&phase.master),
                    "load_s": load, "operations": phase.operations, "per_s": phase.per_second(),
                    "per_master_s": phase.per_master_second(), "limit": phase.bottleneck(),
                })
            })
            .collect();
        let reads: Vec<Json> = self
            .reads
            .iter()
            .map(|read| {
                json!({
                    "kind": read.kind, "bytes": read.bytes,
                    "first_byte_s": read.first_bytes.iter().map(seconds).collect::<Vec<_>>(),
                    "total_s": read.totals.iter().map(seconds).collect::<Vec<_>>(),
                })
            })
            .collect();
        let settings: serde_json::Map<String, Json> =
            self.settings.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        json!({
            "settings": settings, "phases": phases, "reads": reads,
            "memory": {
                "empty": memory(self.memory_empty), "agents": memory(self.memory_agents),
                "tasks": memory(self.memory_tasks), "per_agent": self.bytes_per_agent(), "per_task": self.bytes_per_task(),
            },
            "launch_s": percentiles(&self.ledger.launch), "turnaround_s": percentiles(&self.ledger.turnaround),
            "ledger": {
                "right": self.is_right(), "launched": self.ledger.launched, "finished": self.ledger.finished,
                "repeated_updates": self.ledger.repeated, "violations": self.ledger.violations,
                "violation_count": self.ledger.violation_count,
            },
            "retries": self.retries, "pings": self.pings, "flaps": self.flaps, "offers": self.offers,
        })
    }

    /// The report as a table.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes whatever is written");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let default = Plan::default().settings();
        let settings = self.settings.iter().filter(|setting| !default.contains(setting));
        let settings: Vec<String> = settings.map(|(key, value)| format!("{key}={value}")).collect();
        writeln!(out, "{}", settings.join(" "))?;
        for phase in &self.phases {
            writeln!(out, "{phase}")?;
        }
        for (name, histogram) in
            [("ACCEPT -> RUNNING", &self.ledger.launch), ("freed -> offer", &self.ledger.turnaround)]
        {
            if !histogram.is_empty() {
                write!(out, "{name:<24}")?;
                for percentile in PERCENTILES {
                    let value = histogram.value_at_percentile(percentile) as f64 / 1e6;
                    write!(out, " p{percentile} {value:.3} ms ")?;
                }
                writeln!(out, " max {:.1} ms, {} values", histogram.max() as f64 / 1e6, histogram.len())?;
            }
        }
        for read in &self.reads {
            writeln!(
                out,
                "read {:<19} median {:.3} s, first byte {:.4} s, {:.1} MB, {} reads",
                read.kind,
                median(&read.totals).as_secs_f64(),
                median(&read.first_bytes).as_secs_f64(),
                read.bytes as f64 / 1e6,
                read.totals.len()
            )?;
        }
        let mib = |memory: Memory| memory.proportional as f64 / 1_048_576.0;
        write!(out, "memory (Pss)             empty {:.1} MiB", mib(self.memory_empty))?;
        write!(out, ", agents {:.1} MiB ({:.0} B each)", mib(self.memory_agents), self.bytes_per_agent())?;
        if let Some(per_task) = self.bytes_per_task() {
            write!(out, ", tasks {:.1} MiB ({per_task:.0} B each)", mib(self.memory_tasks))?;
        }
        writeln!(out)?;
        let ledger = &self.ledger;
        writeln!(
            out,
            "ledger {}: {} launched, {} finished, {} offers, {} retries, {} repeated, {} pings, {} flaps",
            if self.is_right() { "right" } else { "WRONG, so there is no result" },
            ledger.launched,
            ledger.finished,
            self.offers,
            self.retries,
            ledger.repeated,
            self.pings,
            self.flaps
        )?;
        for violation in &ledger.violations {
            writeln!(out, "  {violation}")?;
        }
        Ok(())
    }
}

fn memory(memory: Memory) -> Json {
    json!({ "rss": memory.resident, "pss": memory.proportional })
}

fn percentiles(histogram: &Histogram<u64>) -> Json {
    if histogram.is_empty() {
        return Json::Null;
    }
    let mut values: serde_json::Map<String, Json> = PERCENTILES
        .iter()
        .map(|percentile| {
            (format!("p{percentile}"), json!(histogram.value_at_percentile(*percentile) as f64 / 1e9))
        })
        .collect();
    values.insert("max".to_owned(), json!(histogram.max() as f64 / 1e9));
    values.insert("count".to_owned(), json!(histogram.len()));
    Json::Object(values)
}
