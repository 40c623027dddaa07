//! The steps of agents.

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Run, json_at, word};
use crate::agent::{Agent, decoded};
use crate::events::Source;
use crate::macros::{Argument, overridden};
use crate::sync::DEADLINE;

impl Run {
    /// `agent NAME RESOURCES {options}`: starts an agent and waits until it is registered. The options are fields of
    /// `SlaveInfo`, and `capabilities`.
    pub(super) async fn agent(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let options = json_at(words, 2).cloned().unwrap_or_else(|| json!({}));
        let items = (self.agents.len(), self.sender.clone());
        let agent = Agent::start(word(words, 0)?, word(words, 1)?, &options, self.master, items).await?;
        self.names.name(&agent.address().to_string(), &format!("address:{}", agent.name));
        self.names.name(&format!(":{}", agent.address().port()), &format!("port:{}", agent.name));
        agent.send("RegisterSlaveMessage", &agent.registration(None))?;
        self.agents.push(agent);
        self.registered(self.agents.len() - 1).await
    }

    /// Waits until the master has let an agent in, and learns its id.
    async fn registered(&mut self, index: usize) -> anyhow::Result<()> {
        let is_answer = |run: &Self| {
            run.agents[index].unshown.iter().any(|message| {
                let name = message.name();
                name.ends_with("registeredMessage")
                    || name.ends_with("RegisteredMessage")
                    || name.ends_with("ShutdownMessage")
            })
        };
        if !self.wait_until(DEADLINE, is_answer).await {
            bail!("{} was not answered", self.agents[index].name);
        }
        let agent = &mut self.agents[index];
        for message in &agent.unshown {
            let (name, value) = decoded(message);
            if name.ends_with("egisteredMessage") {
                agent.is_registered = true;
                let id = value["slave_id"]["value"].as_str().unwrap_or_default();
                if let Some((master, _)) = id.rsplit_once("-S") {
                    self.names.name(id, &format!("agent:{}", agent.name));
                    self.names.name(master, "master");
                }
                agent.id = Some(id.to_owned());
            }
        }
        Ok(())
    }

    /// `agent-lost NAME`: the agent's host is gone: its connections end and it listens no more. Waits until the master
    /// knows.
    pub(super) async fn agent_lost(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.agent_index(words)?;
        self.agents[index].stop().await;
        self.agents[index].is_registered = false;
        let id = self.agents[index].id.clone();
        let deadline = tokio::time::Instant::now() + DEADLINE;
        let call = json!({"type": "GET_AGENTS"});
        loop {
            let answer = self.operator(&call).await?;
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let agents = body["get_agents"]["agents"].as_array();
            let is_active = agents.into_iter().flatten().any(|agent| {
                agent["agent_info"]["id"]["value"].as_str() == id.as_deref()
                    && agent["active"] == Value::Bool(true)
            });
            if !is_active {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                self.complain("the master does not notice");
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// `agent-return NAME {more}`: the agent listens at its old address, and re-registers. `more` has fields of
    /// `ReregisterSlaveMessage`.
    pub(super) async fn agent_return(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.agent_index(words)?;
        let items = (index, self.sender.clone());
        let agent = &mut self.agents[index];
        agent.set_mute(false);
        if !agent.is_running() {
            agent.run(items).await?;
        }
        agent.send("ReregisterSlaveMessage", &agent.registration(json_at(words, 1)))?;
        self.registered(index).await
    }

    /// `agent-leave NAME`: the agent unregisters, as at an orderly shutdown.
    pub(super) async fn agent_leave(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.agent_index(words)?;
        let agent = &self.agents[index];
        let message = json!({"slave_id": {"value": agent.id}});
        // The message after it tells when the master has handled it.
        agent.send("UnregisterSlaveMessage", &message)?;
        agent.flush().await;
        let id = agent.id.clone();
        self.agents[index].is_registered = false;
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let answer = self.operator(&json!({"type": "GET_AGENTS"})).await?;
            let is_known = id
                .as_ref()
                .is_some_and(|id| String::from_utf8_lossy(&answer.body).contains(&format!("\"{id}\"")));
            if !is_known || tokio::time::Instant::now() > deadline {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// `send AGENT MESSAGE {json of v0}`: the agent sends the master a message.
    pub(super) async fn send(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let agent = self.agent_at(words)?;
        agent.send(word(words, 1)?, json_at(words, 2).unwrap_or(&Value::Null))?;
        agent.flush().await;
        Ok(())
    }

    /// `update AGENT SCHEDULER TASK STATE {fields of the status} {fields of the update}`: the agent reports on a task.
    pub(super) async fn update(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let framework = self.schedulers[self.scheduler_index(&words[1..])?].framework_id.clone();
        let (task, state) = (word(words, 2)?, word(words, 3)?);
        let uuid = self.new_uuid();
        let index = self.agent_index(words)?;
        let agent = &self.agents[index];
        let status = json!({
            "task_id": {"value": task}, "state": state, "source": "SOURCE_EXECUTOR", "slave_id": {"value": agent.id},
            "timestamp": 1.0, "uuid": uuid,
        });
        let status = overridden(status, words.get(4));
        let update = json!({
            "framework_id": {"value": framework}, "slave_id": {"value": agent.id}, "status": status, "timestamp": 1.0,
            "uuid": uuid, "latest_state": state,
        });
        let update = overridden(update, words.get(5));
        agent.send("StatusUpdateMessage", &json!({"update": update, "pid": agent.pid()}))?;
        agent.flush().await;
        Ok(())
    }

    /// `operation AGENT SCHEDULER OPERATION STATE {fields of the status}`: the agent reports on an operation, of which
    /// OPERATION is the uuid.
    pub(super) async fn operation(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let framework = self.schedulers[self.scheduler_index(&words[1..])?].framework_id.clone();
        let (operation, state) = (word(words, 2)?, word(words, 3)?);
        let uuid = self.new_uuid();
        let index = self.agent_index(words)?;
        let agent = &self.agents[index];
        let status = json!({"state": state, "uuid": {"value": uuid}, "slave_id": {"value": agent.id}});
        let status = overridden(status, words.get(4));
        let message = json!({
            "framework_id": {"value": framework}, "slave_id": {"value": agent.id}, "status": status,
            "latest_status": status, "operation_uuid": {"value": operation},
        });
        agent.send("UpdateOperationStatusMessage", &message)?;
        agent.flush().await;
        Ok(())
    }

    /// A uuid that is the same in each run.
    fn new_uuid(&mut self) -> String {
        self.counter += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.counter.to_be_bytes());
        // Mesos refuses what is no uuid of some version.
        (bytes[6], bytes[8]) = (0x40, 0x80);
        let uuid = STANDARD.encode(bytes);
        self.names.number(&uuid, "uuid");
        uuid
    }

    /// `wait NAME KIND`: waits until a scheduler got an event, or an agent a message, of this kind; `end` is the end of a
    /// scheduler's stream. For what takes a while.
    pub(super) async fn wait(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let wanted = word(words, 1)?.to_owned();
        let source = match self.scheduler_index(words) {
            Ok(index) => Source::Scheduler(index),
            Err(_) => Source::Agent(self.agent_index(words)?),
        };
        let has_come = |run: &Self| match source {
            Source::Scheduler(index) if wanted == "end" => !run.schedulers[index].is_open,
            Source::Scheduler(index) => run.schedulers[index].has_unshown(&wanted),
            Source::Agent(index) => {
                run.agents[index].unshown.iter().any(|message| decoded(message).0 == wanted)
            }
            Source::Watcher(_) => false,
        };
        if !self.wait_until(DEADLINE * 3, has_come).await {
            self.complain(&format!("no {wanted} came"));
        }
        Ok(())
    }
}
