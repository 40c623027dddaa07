//! How fast agents are marked unreachable: `--agent_removal_rate_limit`.
//!
//! A network that fails makes many agents silent at once, and each of them is likely to be well. So their marking is spread
//! out, and one that shows itself in time is spared.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tepui_types::{AgentId, Time};

use crate::master::Master;
use crate::timers::Timer;
use crate::turn::Turn;

/// How many cancelled entries the queue may hold beside those that wait.
const SLACK: usize = 64;

/// At most so many markings in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalRate {
    /// How many.
    pub agents: u32,
    /// In which time.
    pub per: Duration,
}

impl RemovalRate {
    /// The time between two markings.
    fn interval(self) -> Duration {
        self.per / self.agents.max(1)
    }
}

/// Why an agent is to be marked unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Silence {
    /// It does not answer pings.
    Pings,
    /// It did not come back after its connection broke.
    Disconnected,
    /// It did not come back after a change of leader.
    Failover,
}

/// Agents that wait to be marked.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    /// In their order, also those that were cancelled meanwhile.
    order: VecDeque<(AgentId, Silence)>,
    waiting: BTreeSet<(AgentId, Silence)>,
    /// When the next one may be marked.
    next: Time,
}

impl Master {
    /// Marks an agent unreachable as soon as the rate limit allows it.
    pub(crate) fn schedule_unreachable(&mut self, id: &AgentId, why: Silence, turn: &mut Turn<'_>) {
        let entry = (id.clone(), why);
        if self.agents.removals.waiting.contains(&entry) {
            return;
        }
        turn.count("master/slave_unreachable_scheduled");
        let Some(rate) = self.config.agent_removal_rate_limit else {
            self.conclude_removal(id, why, turn);
            return;
        };
        if self.agents.removals.waiting.is_empty() && self.agents.removals.next <= turn.now.time {
            self.agents.removals.next = turn.now.time + rate.interval();
            self.conclude_removal(id, why, turn);
            return;
        }
        let Removals { order, waiting, next } = &mut self.agents.removals;
        waiting.insert(entry.clone());
        order.push_back(entry);
        // An agent that is silent now and then must not leave a trace each time.
        if order.len() > 2 * waiting.len() + SLACK {
            order.retain(|entry| waiting.contains(entry));
        }
        self.timers.set(Timer::AgentRemoval, *next);
    }

    /// The rate limit allows the next one.
    pub(crate) fn next_removal(&mut self, turn: &mut Turn<'_>) {
        let removals = &mut self.agents.removals;
        let next = loop {
            match removals.order.pop_front() {
                Some(entry) if !removals.waiting.remove(&entry) => {}
                next => break next,
            }
        };
        let Some((id, why)) = next else { return };
        let interval = self.config.agent_removal_rate_limit.map_or(Duration::ZERO, RemovalRate::interval);
        self.agents.removals.next = turn.now.time + interval;
        if !self.agents.removals.waiting.is_empty() {
            self.timers.set(Timer::AgentRemoval, self.agents.removals.next);
        }
        self.conclude_removal(&id, why, turn);
    }

    /// An agent answered a ping: it is not to be marked for that any more.
    pub(crate) fn cancel_removal(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        if self.agents.removals.waiting.remove(&(id.clone(), Silence::Pings)) {
            turn.count("master/slave_unreachable_canceled");
        }
    }

    /// Marks an agent whose turn has come, if there is still reason to.
    fn conclude_removal(&mut self, id: &AgentId, why: Silence, turn: &mut Turn<'_>) {
        let silent = match why {
            Silence::Pings => self.agents.registered.contains_key(id),
            Silence::Disconnected => self.agents.registered.get(id).is_some_and(|agent| !agent.connected),
            Silence::Failover => {
                self.agents.recovered.contains_key(id)
                    && !self.agents.reregistering.contains(id)
                    && !self.agents.leaving_recovered.contains(id)
                    && !self.agents.marking_gone.contains(id)
            }
        };
        if !silent {
            turn.count("master/slave_unreachable_canceled");
            return;
        }
        turn.count("master/slave_unreachable_completed");
        let timeout = tepui_types::format_duration(self.config.agent_reregister_timeout);
        match why {
            Silence::Pings => self.mark_unreachable(id, "health check timed out", turn),
            Silence::Disconnected => {
                let message = format!("agent did not reregister within {timeout} after disconnecting");
                self.mark_unreachable(id, &message, turn);
            }
            Silence::Failover => {
                let message = format!("did not reregister within {timeout} after master failover");
                self.mark_recovered_unreachable(id, &message, turn);
            }
        }
    }
}
