//! The steps of schedulers.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Run, json_at, word};
use crate::events::{What, kind, part};
use crate::macros::{Argument, overridden};
use crate::scheduler::{Encoding, Scheduler};
use crate::show;
use crate::sync::DEADLINE;

/// How long an offer that must not come is waited for: eight allocation intervals of the masters under test.
const SILENCE: Duration = Duration::from_millis(80);

impl Run {
    /// `subscribe NAME {fields of FrameworkInfo} {fields of Subscribe} [protobuf] [master_info]`. The fields replace those
    /// of a framework in the role `role` that can do the usual.
    pub(super) async fn subscribe(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let name = word(words, 0)?;
        let info = json!({
            "user": "root", "name": "conformance", "roles": ["role"],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}, {"type": "PARTITION_AWARE"}],
        });
        let info = overridden(info, words.get(1));
        let mut call = json!({"type": "SUBSCRIBE"});
        if let Some(id) = info.get("id") {
            call["framework_id"] = id.clone();
        }
        call["subscribe"] = overridden(json!({ "framework_info": info }), words.get(2));
        let has = |wanted: &str| words.iter().skip(1).any(|known| known.word() == Some(wanted));
        let encoding = if has("protobuf") { Encoding::Binary } else { Encoding::Json };
        let items = (self.schedulers.len(), self.sender.clone());
        let (scheduler, answer) = Scheduler::subscribe(name, &call, encoding, self.master, items).await?;
        let index = self.schedulers.len();
        self.schedulers.push(scheduler);
        if answer.status != 200 {
            let line = self.names.hide(&answer.line());
            self.output.push(line);
            return Ok(());
        }
        let done = |run: &Self| run.schedulers[index].is_subscribed || !run.schedulers[index].is_open;
        if !self.wait_until(DEADLINE, done).await {
            self.complain("neither HEARTBEAT nor the end of the stream came");
        }
        self.learn_ids(index);
        self.with_master_info = has("master_info");
        Ok(())
    }

    fn learn_ids(&mut self, index: usize) {
        let scheduler = &mut self.schedulers[index];
        for what in &scheduler.unshown {
            let What::Event(event) = what else { continue };
            if kind(event) == "SUBSCRIBED" {
                let id = part(event)["framework_id"]["value"].as_str().unwrap_or_default().to_owned();
                self.names.name(&id, &format!("framework:{}", scheduler.name));
                scheduler.framework_id = Some(id);
                let master = part(event)["master_info"]["id"].as_str().unwrap_or_default();
                self.names.name(master, "master");
            }
        }
        if let Some(id) = scheduler.stream_id().map(str::to_owned) {
            self.names.name(&id, &format!("stream:{}", self.schedulers[index].name));
        }
    }

    /// `disconnect SCHEDULER`: closes the stream's connection, and waits until the master knows.
    pub(super) async fn disconnect(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.scheduler_index(words)?;
        self.schedulers[index].disconnect().await;
        let probe = self.schedulers[index].call("SUPPRESS", Some(json!({"roles": ["conformance-probe"]})));
        let deadline = Instant::now() + DEADLINE;
        while self.schedulers[index].post(&probe).await?.status == 202 {
            if Instant::now() > deadline {
                self.complain("the master does not notice");
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// `call SCHEDULER TYPE {part}`: a call of the scheduler's framework on its stream.
    pub(super) async fn call(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let kind = word(words, 1)?.to_owned();
        let part = json_at(words, 2).cloned();
        let scheduler = self.scheduler_at(words)?;
        let call = scheduler.call(&kind, part);
        self.post_and_show(words, &call).await
    }

    /// `post SCHEDULER {call}`: any JSON, with the scheduler's stream id.
    pub(super) async fn post(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let call = json_at(words, 1).cloned().unwrap_or_default();
        self.post_and_show(words, &call).await
    }

    async fn post_and_show(&mut self, words: &[Argument], call: &Value) -> anyhow::Result<()> {
        let answer = self.scheduler_at(words)?.post(call).await?;
        let line = self.names.hide(&answer.line());
        self.output.push(line);
        Ok(())
    }

    /// `accept SCHEDULER OFFER,OFFER {filters}? TYPE {operation} TYPE {operation}...`: accepts offers with operations. A key
    /// `id` of an operation is the operation's, not its part's.
    pub(super) async fn accept(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let offers = offer_ids(word(words, 1)?);
        let mut accept = json!({"offer_ids": offers, "operations": []});
        let mut rest = &words[2..];
        if let Some(filters) = json_at(rest, 0) {
            accept["filters"] = filters.clone();
            rest = &rest[1..];
        }
        let mut operations = Vec::new();
        while let Ok(kind) = word(rest, 0) {
            let mut part = json_at(rest, 1).cloned().unwrap_or_default();
            let mut operation = json!({ "type": kind });
            if let Some(id) = part.as_object_mut().and_then(|part| part.remove("id")) {
                operation["id"] = id;
            }
            operation[kind.to_lowercase()] = part;
            operations.push(operation);
            rest = rest.get(2..).unwrap_or_default();
        }
        accept["operations"] = operations.into();
        let call = self.scheduler_at(words)?.call("ACCEPT", Some(accept));
        self.post_and_show(words, &call).await
    }

    /// `decline SCHEDULER OFFER,OFFER {filters}?`
    pub(super) async fn decline(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let mut decline = json!({"offer_ids": offer_ids(word(words, 1)?)});
        if let Some(filters) = json_at(words, 2) {
            decline["filters"] = filters.clone();
        }
        let call = self.scheduler_at(words)?.call("DECLINE", Some(decline));
        self.post_and_show(words, &call).await
    }

    /// `ack SCHEDULER AGENT TASK UUID`: acknowledges a status.
    pub(super) async fn ack(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let agent = self.agents[self.agent_index(&words[1..])?].id.clone();
        let part = json!({
            "agent_id": {"value": agent}, "task_id": {"value": word(words, 2)?}, "uuid": word(words, 3)?,
        });
        let call = self.scheduler_at(words)?.call("ACKNOWLEDGE", Some(part));
        self.post_and_show(words, &call).await
    }

    /// `offers SCHEDULER [COUNT] [full]`: waits for offers and shows them, by agent and role.
    pub(super) async fn offers(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.scheduler_index(words)?;
        let count = word(words, 1).ok().and_then(|count| count.parse().ok()).unwrap_or(1);
        if !self.wait_until(DEADLINE, |run| run.own_offers(index) >= count).await {
            self.complain(&format!("fewer than {count} offers came"));
        }
        self.show_offers(index, words.iter().any(|word| word.word() == Some("full")));
        self.show_new();
        Ok(())
    }

    /// `no-offers SCHEDULER`: shows that no offer comes for a while.
    pub(super) async fn no_offers(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.scheduler_index(words)?;
        if !self.wait_until(SILENCE, |run| run.own_offers(index) > 0).await {
            self.output.push("no offers".to_owned());
        }
        self.show_offers(index, false);
        Ok(())
    }

    /// `inverse-offers SCHEDULER [COUNT]`: waits for inverse offers and shows them, by agent.
    pub(super) async fn inverse_offers(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.scheduler_index(words)?;
        let count = word(words, 1).ok().and_then(|count| count.parse().ok()).unwrap_or(1);
        if !self.wait_until(DEADLINE, |run| run.schedulers[index].inverse_offers.len() >= count).await {
            self.complain(&format!("fewer than {count} inverse offers came"));
        }
        self.show_inverse_offers(index);
        self.show_new();
        Ok(())
    }

    /// `no-inverse-offers SCHEDULER`: shows that no inverse offer comes for a while.
    pub(super) async fn no_inverse_offers(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let index = self.scheduler_index(words)?;
        if !self.wait_until(SILENCE, |run| !run.schedulers[index].inverse_offers.is_empty()).await {
            self.output.push("no inverse offers".to_owned());
        }
        self.show_inverse_offers(index);
        Ok(())
    }

    fn show_inverse_offers(&mut self, index: usize) {
        let mut offers = std::mem::take(&mut self.schedulers[index].inverse_offers);
        offers.sort_by_cached_key(|offer| {
            self.names.hide(offer["agent_id"]["value"].as_str().unwrap_or_default())
        });
        for mut offer in offers {
            self.names.number(offer["id"]["value"].as_str().unwrap_or_default(), "inverse-offer");
            self.names.hide_json(&mut offer);
            self.output.push(format!("{}: inverse offer {offer}", self.schedulers[index].name));
        }
    }

    /// How many offers wait to be shown. Agents of earlier cases may still be there, and are not counted.
    fn own_offers(&self, index: usize) -> usize {
        self.schedulers[index].offers.iter().filter(|offer| self.is_own(offer)).count()
    }

    fn is_own(&self, offer: &Value) -> bool {
        offer["agent_id"]["value"].as_str().is_some_and(|id| self.names.placeholder(id).is_some())
    }

    fn show_offers(&mut self, index: usize, is_full: bool) {
        let mut offers = std::mem::take(&mut self.schedulers[index].offers);
        offers.retain(|offer| self.is_own(offer));
        let agent = |offer: &Value| offer["agent_id"]["value"].as_str().map(|id| self.names.hide(id));
        offers.sort_by_cached_key(|offer| (agent(offer), offer["allocation_info"]["role"].to_string()));
        for offer in &offers {
            self.names.number(offer["id"]["value"].as_str().unwrap_or_default(), "offer");
            let line = show::offer(&mut self.names, &self.schedulers[index].name, offer, is_full);
            self.output.push(line);
        }
    }
}

impl Scheduler {
    /// Whether an event of this type waits to be shown.
    pub(super) fn has_unshown(&self, wanted: &str) -> bool {
        self.unshown.iter().any(|what| matches!(what, What::Event(event) if kind(event) == wanted))
    }
}

fn offer_ids(text: &str) -> Vec<Value> {
    text.split(',').filter(|id| *id != "-").map(|id| json!({ "value": id })).collect()
}
