//! The run of one case: the table of all steps.

mod agents;
mod http;
mod schedulers;
mod watchers;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::agent::Agent;
use crate::events::Item;
use crate::macros::{Argument, arguments, expand};
use crate::placeholders::Placeholders;
use crate::scheduler::Scheduler;
use crate::script::{Case, Step};
use crate::show;
use crate::watcher::{self, Watcher};

/// No case takes nearly this long.
const CASE_DEADLINE: Duration = Duration::from_mins(1);

/// The state of a running case.
pub(crate) struct Run {
    pub(crate) master: SocketAddr,
    pub(crate) names: Placeholders,
    pub(crate) schedulers: Vec<Scheduler>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) watchers: Vec<Watcher>,
    /// The scheduler of `sync.rs`.
    pub(crate) witness: Option<Scheduler>,
    pub(crate) items: mpsc::UnboundedReceiver<Item>,
    pub(crate) sender: mpsc::UnboundedSender<Item>,
    /// The messages of `sync.rs` that have arrived.
    pub(crate) marks: BTreeSet<String>,
    pub(crate) counter: u64,
    pub(crate) output: Vec<String>,
    /// Whether the case left a maintenance schedule behind.
    pub(crate) has_schedule: bool,
    with_master_info: bool,
}

/// Runs a case after its setup, and writes what comes of each step into a copy of it.
///
/// # Errors
/// A step makes no sense, or the master did not answer at all.
pub async fn run_case(master: SocketAddr, setup: &[Step], case: &Case) -> anyhow::Result<Case> {
    let (sender, items) = mpsc::unbounded_channel();
    let mut run = Run {
        master,
        names: Placeholders::default(),
        schedulers: Vec::new(),
        agents: Vec::new(),
        watchers: Vec::new(),
        witness: None,
        items,
        sender,
        marks: BTreeSet::new(),
        counter: 0,
        output: Vec::new(),
        has_schedule: false,
        with_master_info: false,
    };
    run.names.name(&master.to_string(), "master-address");
    run.names.name(&format!(":{}", master.port()), "master-port");
    let mut done = case.clone();
    let result = tokio::time::timeout(CASE_DEADLINE, run.all(setup, &mut done)).await;
    run.leave().await;
    result.context("the case takes too long")??;
    Ok(done)
}

impl Run {
    async fn all(&mut self, setup: &[Step], case: &mut Case) -> anyhow::Result<()> {
        self.start_witness().await?;
        for step in setup {
            self.step(step).await?;
        }
        for step in &mut case.steps {
            step.output.clear();
        }
        for step in &mut case.steps {
            match self.step(step).await {
                Ok(output) => step.output = output,
                Err(error) => {
                    // The case ends here, and shows why.
                    step.output = std::mem::take(&mut self.output);
                    let reason =
                        error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ");
                    step.output.push(format!("({})", self.names.hide(&reason)));
                    break;
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> anyhow::Result<Vec<String>> {
        self.output.clear();
        let line = step.lines.first().map_or("", String::as_str);
        let (line, is_sorted) = line.strip_prefix("sorted ").map_or((line, false), |line| (line, true));
        let command = line.split_whitespace().next().unwrap_or_default().to_owned();
        let result = if command == "http" {
            self.http(step).await
        } else {
            let text = self.names.reveal(&expand(&step.joined())?);
            let text = text.strip_prefix("sorted ").unwrap_or(&text);
            let words = arguments(&text[command.len()..])?;
            self.command(&command, &words).await
        };
        result.with_context(|| format!("in the step `{}`", step.joined()))?;
        if is_sorted {
            self.output.sort();
        }
        Ok(std::mem::take(&mut self.output))
    }

    async fn command(&mut self, command: &str, words: &[Argument]) -> anyhow::Result<()> {
        match command {
            "agent" => self.agent(words).await?,
            "agent-lost" => self.agent_lost(words).await?,
            "agent-mute" => self.agent_at(words)?.set_mute(true),
            "agent-return" => self.agent_return(words).await?,
            "agent-leave" => self.agent_leave(words).await?,
            "send" => self.send(words).await?,
            "update" => self.update(words).await?,
            "operation" => self.operation(words).await?,
            "subscribe" => self.subscribe(words).await?,
            "disconnect" => self.disconnect(words).await?,
            "call" => self.call(words).await?,
            "post" => self.post(words).await?,
            "accept" => self.accept(words).await?,
            "decline" => self.decline(words).await?,
            "ack" => self.ack(words).await?,
            "offers" => return self.offers(words).await,
            "no-offers" => return self.no_offers(words).await,
            "inverse-offers" => return self.inverse_offers(words).await,
            "no-inverse-offers" => return self.no_inverse_offers(words).await,
            "wait" => self.wait(words).await?,
            "api" => self.api(words).await?,
            "watch" => self.watch(words).await?,
            "unwatch" => self.unwatch(words).await?,
            other => bail!("no step is called `{other}`"),
        }
        self.sync().await?;
        self.show_new();
        Ok(())
    }

    /// Writes what came and was not shown yet, in the order of the schedulers, agents and operators.
    pub(crate) fn show_new(&mut self) {
        for scheduler in &mut self.schedulers {
            for what in scheduler.unshown.drain(..) {
                self.output.push(show::event(&mut self.names, &scheduler.name, &what, self.with_master_info));
            }
        }
        for agent in &mut self.agents {
            for message in agent.unshown.drain(..) {
                self.output.push(show::message_line(&mut self.names, &agent.name, &message));
            }
        }
        for watcher in &mut self.watchers {
            for what in watcher.unshown.drain(..) {
                self.output.extend(watcher::show(&mut self.names, &watcher.name, &what));
            }
        }
    }

    /// Writes a line about something that should not be.
    pub(crate) fn complain(&mut self, line: &str) {
        self.output.push(format!("({line})"));
    }

    /// The position of the scheduler that the first word names.
    fn scheduler_index(&self, words: &[Argument]) -> anyhow::Result<usize> {
        let name = words.first().and_then(Argument::word).context("which scheduler?")?;
        self.schedulers
            .iter()
            .position(|known| known.name == name)
            .with_context(|| format!("no scheduler `{name}`"))
    }

    fn scheduler_at(&mut self, words: &[Argument]) -> anyhow::Result<&mut Scheduler> {
        let index = self.scheduler_index(words)?;
        Ok(&mut self.schedulers[index])
    }

    fn agent_index(&self, words: &[Argument]) -> anyhow::Result<usize> {
        let name = words.first().and_then(Argument::word).context("which agent?")?;
        self.agents.iter().position(|known| known.name == name).with_context(|| format!("no agent `{name}`"))
    }

    fn agent_at(&mut self, words: &[Argument]) -> anyhow::Result<&mut Agent> {
        let index = self.agent_index(words)?;
        Ok(&mut self.agents[index])
    }

    /// Leaves nothing behind that the next case could see.
    async fn leave(&mut self) {
        for watcher in &mut self.watchers {
            watcher.leave().await;
        }
        if self.has_schedule {
            let part = json!({"schedule": {"windows": []}});
            let call = json!({"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": part});
            // If it fails, the next case with a schedule shows it.
            let _ = self.operator(&call).await;
        }
        for index in 0..self.schedulers.len() {
            let scheduler = &mut self.schedulers[index];
            let Some(id) = scheduler.framework_id.clone() else { continue };
            let call = scheduler.call("TEARDOWN", None);
            let is_gone =
                scheduler.is_open && scheduler.post(&call).await.is_ok_and(|answer| answer.status == 202);
            scheduler.disconnect().await;
            if !is_gone {
                // It may be gone already; then nothing happens.
                let _ = self
                    .operator(&json!({"type": "TEARDOWN", "teardown": {"framework_id": {"value": id}}}))
                    .await;
            }
        }
        if let Some(witness) = &mut self.witness {
            // If it fails, the end of the connection does it.
            let _ = witness.post(&witness.call("TEARDOWN", None)).await;
            witness.disconnect().await;
        }
        for agent in &mut self.agents {
            if agent.is_running() && agent.id.is_some() {
                let _ = agent.send("UnregisterSlaveMessage", &json!({"slave_id": {"value": agent.id}}));
                agent.flush().await;
            }
            agent.stop().await;
        }
    }

    /// What an operator asks, of the operator's API.
    async fn operator(&self, call: &Value) -> anyhow::Result<crate::client::Answer> {
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let request = crate::client::post("/api/v1", &headers, call.to_string().as_bytes());
        crate::client::ask(self.master, &request).await?.context("the master closed the connection")
    }
}

/// The word at a position.
fn word(words: &[Argument], at: usize) -> anyhow::Result<&str> {
    words.get(at).and_then(Argument::word).with_context(|| format!("word {} is missing", at + 1))
}

/// The JSON at a position, if there is any.
fn json_at(words: &[Argument], at: usize) -> Option<&Value> {
    match words.get(at) {
        Some(Argument::Json(value)) => Some(value),
        Some(Argument::Word(_)) | None => None,
    }
}
