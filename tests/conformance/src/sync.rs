//! Waiting until what a step has caused is there.
//!
//! The master is one actor, so what comes after has come after. Each registered agent sends a message to the witness, a
//! scheduler that wants no offers; the witness then sends one to each agent, and at last each scheduler asks for a task
//! that does not exist. When these have arrived, so has all that was caused before. None of it appears in a transcript.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::agent::decoded;
use crate::events::{Item, Source, What, kind, part};
use crate::run::Run;
use crate::scheduler::{Encoding, Scheduler};

/// How long something may take that is sure to come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(4);

/// How ids begin that only this file uses.
const PREFIX: &str = "sync-";

/// The witness among the sources of events.
const WITNESS: usize = usize::MAX;

/// `data` of a message; nobody looks at it.
const DATA: &str = "c3luYw==";

impl Run {
    /// Subscribes the scheduler that only this file uses.
    pub(crate) async fn start_witness(&mut self) -> anyhow::Result<()> {
        let call = json!({"type": "SUBSCRIBE", "subscribe": {
            "framework_info": {"user": "witness", "name": "witness", "roles": ["*"], "capabilities": [{"type": "MULTI_ROLE"}]},
            "suppressed_roles": ["*"],
        }});
        let items = (WITNESS, self.sender.clone());
        let (witness, answer) =
            Scheduler::subscribe("witness", &call, Encoding::Json, self.master, items).await?;
        anyhow::ensure!(answer.status == 200, "the witness is refused: {}", answer.line());
        self.witness = Some(witness);
        let has_id = |run: &Self| run.witness.as_ref().is_some_and(|witness| witness.framework_id.is_some());
        anyhow::ensure!(self.wait_until(DEADLINE, has_id).await, "the witness is not subscribed");
        Ok(())
    }

    /// Waits until all that has been caused so far has arrived.
    pub(crate) async fn sync(&mut self) -> anyhow::Result<()> {
        for agent in self.live_agents() {
            self.agent_to_witness(agent).await?;
        }
        for agent in self.live_agents() {
            self.witness_to_agent(agent).await?;
        }
        for scheduler in 0..self.schedulers.len() {
            if self.schedulers[scheduler].is_open && self.schedulers[scheduler].is_subscribed {
                self.reconcile(scheduler).await?;
            }
        }
        if self.watchers.iter().any(|watcher| watcher.is_open) {
            self.mark_streams().await?;
        }
        Ok(())
    }

    /// Makes an event that comes to all operators: the witness gets another label.
    async fn mark_streams(&mut self) -> anyhow::Result<()> {
        let mark = self.next_mark();
        let witness = self.witness()?;
        let part = json!({
            "framework_info": {
                "id": {"value": witness.framework_id}, "user": "witness", "name": "witness", "roles": ["*"],
                "capabilities": [{"type": "MULTI_ROLE"}], "labels": {"labels": [{"key": mark}]},
            },
            "suppressed_roles": ["*"],
        });
        let answer = witness.post(&witness.call("UPDATE_FRAMEWORK", Some(part))).await?;
        anyhow::ensure!(answer.status == 200, "the witness may not change: {}", answer.line());
        for watcher in 0..self.watchers.len() {
            let arrived = format!("{mark} {watcher}");
            let done = |run: &Self| run.marks.contains(&arrived) || !run.watchers[watcher].is_open;
            if !self.wait_until(DEADLINE, done).await {
                let line = format!("{}: the change of a framework was not told", self.watchers[watcher].name);
                self.complain(&line);
                self.watchers[watcher].is_open = false;
            }
        }
        Ok(())
    }

    fn live_agents(&self) -> Vec<usize> {
        (0..self.agents.len())
            .filter(|&agent| self.agents[agent].is_registered && self.agents[agent].is_running())
            .collect()
    }

    async fn agent_to_witness(&mut self, agent: usize) -> anyhow::Result<()> {
        let mark = self.next_mark();
        let message = json!({
            "slave_id": {"value": self.agents[agent].id}, "framework_id": {"value": self.witness()?.framework_id},
            "executor_id": {"value": mark}, "data": DATA,
        });
        self.agents[agent].send("ExecutorToFrameworkMessage", &message)?;
        self.arrives(&mark, agent, "from").await;
        Ok(())
    }

    async fn witness_to_agent(&mut self, agent: usize) -> anyhow::Result<()> {
        let mark = self.next_mark();
        let part = json!({"agent_id": {"value": self.agents[agent].id}, "executor_id": {"value": mark}, "data": DATA});
        let witness = self.witness()?;
        let answer = witness.post(&witness.call("MESSAGE", Some(part))).await?;
        anyhow::ensure!(answer.status == 202, "the witness may not send: {}", answer.line());
        self.arrives(&mark, agent, "to").await;
        Ok(())
    }

    fn witness(&self) -> anyhow::Result<&Scheduler> {
        self.witness.as_ref().context("no witness")
    }

    /// Waits for a message of an agent that the master should know.
    async fn arrives(&mut self, mark: &str, agent: usize, direction: &str) {
        if !self
            .wait_until(DEADLINE, |run| run.marks.contains(mark) || !run.agents[agent].is_registered)
            .await
        {
            let line = format!("no message {direction} {} arrives", self.agents[agent].name);
            self.complain(&line);
            self.agents[agent].is_registered = false;
        }
    }

    async fn reconcile(&mut self, scheduler: usize) -> anyhow::Result<()> {
        let mark = self.next_mark();
        let call = self.schedulers[scheduler]
            .call("RECONCILE", Some(json!({"tasks": [{"task_id": {"value": mark}}]})));
        if self.schedulers[scheduler].post(&call).await?.status != 202 {
            return Ok(());
        }
        let arrived = self
            .wait_until(DEADLINE, |run| run.marks.contains(&mark) || !run.schedulers[scheduler].is_open)
            .await;
        if !arrived {
            let line = format!("{}: a RECONCILE was not answered", self.schedulers[scheduler].name);
            self.complain(&line);
            self.schedulers[scheduler].is_subscribed = false;
        }
        Ok(())
    }

    fn next_mark(&mut self) -> String {
        self.counter += 1;
        format!("{PREFIX}{}", self.counter)
    }

    /// Takes what comes until a condition holds; false if it does not within the time.
    pub(crate) async fn wait_until(&mut self, time: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + time;
        loop {
            while let Ok(item) = self.items.try_recv() {
                self.take(item);
            }
            if condition(self) {
                return true;
            }
            match tokio::time::timeout_at(deadline, self.items.recv()).await {
                Ok(Some(item)) => self.take(item),
                Ok(None) | Err(_) => return false,
            }
        }
    }

    fn take(&mut self, (source, what): Item) {
        match (source, &what) {
            (Source::Agent(index), What::Message(message)) => {
                let (name, value) = decoded(message);
                if name == "ShutdownMessage" {
                    self.agents[index].is_registered = false;
                }
                if name == "UpdateFrameworkMessage" && self.is_of_witness(&value["framework_id"]["value"]) {
                    return;
                }
                if name == "FrameworkToExecutorMessage" && self.is_mark(&value["executor_id"]["value"]) {
                    return;
                }
                self.agents[index].unshown.extend(match what {
                    What::Message(message) => Some(message),
                    What::Event(_) | What::Closed(_) => None,
                });
            }
            (Source::Scheduler(WITNESS), _) => self.take_for_witness(&what),
            (Source::Scheduler(index), What::Event(event)) => {
                let event = event.clone();
                self.take_event(index, event);
            }
            (Source::Scheduler(index), _) => {
                self.schedulers[index].is_open = false;
                self.schedulers[index].unshown.push(what);
            }
            (Source::Agent(_), _) => {}
            (Source::Watcher(index), _) => self.take_for_watcher(index, what),
        }
    }

    fn take_for_watcher(&mut self, index: usize, what: What) {
        match &what {
            What::Event(event) => {
                let label = &part(event)["framework"]["framework_info"]["labels"]["labels"][0]["key"];
                if let Some(mark) = label.as_str().filter(|label| label.starts_with(PREFIX)) {
                    self.marks.insert(format!("{mark} {index}"));
                    return;
                }
                if kind(event) == "HEARTBEAT" && std::mem::replace(&mut self.watchers[index].has_begun, true)
                {
                    return;
                }
            }
            What::Closed(_) | What::Message(_) => self.watchers[index].is_open = false,
        }
        self.watchers[index].unshown.push(what);
    }

    fn is_of_witness(&self, id: &Value) -> bool {
        self.witness.as_ref().is_some_and(|witness| witness.framework_id.as_deref() == id.as_str())
    }

    fn take_for_witness(&mut self, what: &What) {
        let What::Event(event) = what else { return };
        if kind(event) == "SUBSCRIBED"
            && let Some(witness) = &mut self.witness
        {
            witness.framework_id = part(event)["framework_id"]["value"].as_str().map(str::to_owned);
        }
        self.is_mark(&part(event)["executor_id"]["value"]);
    }

    fn take_event(&mut self, index: usize, event: Value) {
        let body = part(&event);
        let is_foreign =
            |run: &Self, id: &Value| id.as_str().is_some_and(|id| run.names.placeholder(id).is_none());
        match kind(&event) {
            "OFFERS" => {
                let offers = body["offers"].as_array().cloned().unwrap_or_default();
                self.schedulers[index].offers.extend(offers);
                return;
            }
            "RESCIND" => {
                let before = self.schedulers[index].offers.len();
                self.schedulers[index].offers.retain(|offer| offer["id"] != body["offer_id"]);
                if self.schedulers[index].offers.len() < before
                    || is_foreign(self, &body["offer_id"]["value"])
                {
                    return;
                }
            }
            "INVERSE_OFFERS" => {
                let offers = body["inverse_offers"].as_array().cloned().unwrap_or_default();
                self.schedulers[index].inverse_offers.extend(offers);
                return;
            }
            "RESCIND_INVERSE_OFFER" => {
                let id = &body["inverse_offer_id"];
                let before = self.schedulers[index].inverse_offers.len();
                self.schedulers[index].inverse_offers.retain(|offer| offer["id"] != *id);
                if self.schedulers[index].inverse_offers.len() < before || is_foreign(self, &id["value"]) {
                    return;
                }
            }
            "UPDATE" if self.is_mark(&body["status"]["task_id"]["value"]) => return,
            "MESSAGE" if self.is_mark(&body["executor_id"]["value"]) => return,
            "FAILURE" if is_foreign(self, &body["agent_id"]["value"]) => return,
            // Whom the master has given up it does not listen to.
            "FAILURE" if body.get("executor_id").is_none() => {
                let id = body["agent_id"]["value"].as_str();
                for agent in self.agents.iter_mut().filter(|agent| agent.id.as_deref() == id) {
                    agent.is_registered = false;
                }
            }
            "HEARTBEAT" if self.schedulers[index].is_subscribed => return,
            "HEARTBEAT" => self.schedulers[index].is_subscribed = true,
            _ => {}
        }
        self.schedulers[index].unshown.push(What::Event(event));
    }

    fn is_mark(&mut self, id: &Value) -> bool {
        let Some(id) = id.as_str().filter(|id| id.starts_with(PREFIX)) else { return false };
        self.marks.insert(id.to_owned());
        true
    }
}
