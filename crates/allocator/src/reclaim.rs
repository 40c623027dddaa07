//! Agents that are to become unavailable: who is to be asked to leave them, by an *inverse offer*.
//!
//! Asked is each framework that holds something of such an agent (offered or used), that is active, was not asked
//! already, and did not answer a short while ago. Who was asked stays so until the caller says that the inverse offer is
//! over; then the framework is spared for the time that it named, and for an allocation interval at the least, as with
//! what is declined. Suppressed roles make no difference: nothing is offered here.
//!
//! As elsewhere only agents are looked at where the answer may have changed; `check` proves that this is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_types::{AgentId, FrameworkId, Time};

use crate::agent::Agent;
use crate::allocator::Allocator;
use crate::framework::Framework;
use crate::slab::Index;

/// A framework that is to be asked to leave an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclaim {
    /// Who.
    pub framework: FrameworkId,
    /// Which agent.
    pub agent: AgentId,
}

/// The agents that are to become unavailable.
#[derive(Debug, Default)]
pub(crate) struct Reclaims {
    agents: BTreeMap<Index<Agent>, Asked>,
    /// Those of them that are to be looked at.
    due: BTreeSet<Index<Agent>>,
    /// When frameworks are no longer spared.
    ends: BTreeSet<(Time, Index<Agent>, Index<Framework>)>,
}

/// Who was asked to leave an agent.
#[derive(Debug, Default)]
struct Asked {
    outstanding: BTreeSet<Index<Framework>>,
    spared: BTreeMap<Index<Framework>, Time>,
}

impl Reclaims {
    /// Lets an agent be looked at, if it is to become unavailable.
    pub(crate) fn mark(&mut self, agent: Index<Agent>) {
        if self.agents.contains_key(&agent) {
            self.due.insert(agent);
        }
    }

    /// Forgets an agent.
    pub(crate) fn forget_agent(&mut self, agent: Index<Agent>) {
        let Some(asked) = self.agents.remove(&agent) else { return };
        self.due.remove(&agent);
        for (framework, end) in asked.spared {
            self.ends.remove(&(end, agent, framework));
        }
    }

    /// Forgets a framework.
    pub(crate) fn forget_framework(&mut self, framework: Index<Framework>) {
        self.spare_no_more(framework);
        for asked in self.agents.values_mut() {
            asked.outstanding.remove(&framework);
        }
    }

    /// Forgets what a framework answered.
    pub(crate) fn spare_no_more(&mut self, framework: Index<Framework>) {
        for (agent, asked) in &mut self.agents {
            if let Some(end) = asked.spared.remove(&framework) {
                self.ends.remove(&(end, *agent, framework));
                self.due.insert(*agent);
            }
        }
    }

    /// Forgets what was answered about an agent.
    pub(crate) fn spare_nobody(&mut self, agent: Index<Agent>) {
        let Some(asked) = self.agents.get_mut(&agent) else { return };
        for (framework, end) in std::mem::take(&mut asked.spared) {
            self.ends.remove(&(end, agent, framework));
        }
        self.due.insert(agent);
    }

    /// When there is something to do; `None` if there is nothing.
    pub(crate) fn next_deadline(&self, now: Time) -> Option<Time> {
        if self.due.is_empty() { self.ends.first().map(|(end, ..)| *end) } else { Some(now) }
    }

    fn end_spares(&mut self, now: Time) {
        while let Some((end, agent, framework)) = self.ends.first().copied()
            && end <= now
        {
            self.ends.pop_first();
            if let Some(asked) = self.agents.get_mut(&agent) {
                asked.spared.remove(&framework);
                self.due.insert(agent);
            }
        }
    }
}

impl Allocator {
    /// Says that an agent is to become unavailable, or no longer. All who hold something of it are asked anew, also those
    /// who have answered: what they decided was about another time.
    pub fn set_unavailable(&mut self, id: &AgentId, unavailable: bool) {
        let Some(agent) = self.agent(id) else { return };
        self.reclaims.forget_agent(agent);
        if unavailable {
            self.reclaims.agents.insert(agent, Asked::default());
            self.reclaims.due.insert(agent);
        }
    }

    /// Says which frameworks are to be asked now to leave which agents, by appending to `out`, and counts them as asked.
    pub fn reclaim(&mut self, now: Time, out: &mut Vec<Reclaim>) {
        self.now = self.now.max(now);
        self.reclaims.end_spares(self.now);
        for agent in std::mem::take(&mut self.reclaims.due) {
            for framework in self.to_be_asked(agent) {
                if let Some(asked) = self.reclaims.agents.get_mut(&agent) {
                    asked.outstanding.insert(framework);
                }
                out.push(Reclaim {
                    framework: self.frameworks[framework].id.clone(),
                    agent: self.agents[agent].id.clone(),
                });
            }
        }
    }

    /// An inverse offer is over: answered, rescinded or out of time. With `spare` the framework is not asked again for that
    /// time, or an allocation interval if that is longer.
    pub fn end_reclaim(
        &mut self,
        now: Time,
        framework: &FrameworkId,
        agent: &AgentId,
        spare: Option<Duration>,
    ) {
        self.now = self.now.max(now);
        let Some((framework, agent)) = self.find(framework, agent) else { return };
        let Some(asked) = self.reclaims.agents.get_mut(&agent) else { return };
        if !asked.outstanding.remove(&framework) {
            return;
        }
        if let Some(spare) = spare {
            let end = self.now + spare.max(self.options.allocation_interval);
            asked.spared.insert(framework, end);
            self.reclaims.ends.insert((end, agent, framework));
        }
        self.reclaims.due.insert(agent);
    }

    /// Lets the agents be looked at of which a framework holds something.
    pub(crate) fn look_again_for_reclaims(&mut self, framework: Index<Framework>) {
        if self.reclaims.agents.is_empty() {
            return;
        }
        for client in self.frameworks[framework].clients.values() {
            for agent in &self.tree.clients[*client].agents {
                self.reclaims.mark(*agent);
            }
        }
    }

    fn to_be_asked(&self, agent: Index<Agent>) -> BTreeSet<Index<Framework>> {
        let (Some(asked), entry) = (self.reclaims.agents.get(&agent), &self.agents[agent]) else {
            return BTreeSet::new();
        };
        if !entry.active {
            return BTreeSet::new();
        }
        let holders = entry.held.keys().map(|client| self.tree.clients[*client].framework);
        holders
            .filter(|framework| {
                let entry = &self.frameworks[*framework];
                entry.known
                    && entry.active
                    && !entry.paused
                    && !asked.outstanding.contains(framework)
                    && !asked.spared.contains_key(framework)
            })
            .collect()
    }

    /// What holds between steps.
    pub(crate) fn check_reclaims(&self) {
        let book = &self.reclaims;
        assert!(book.due.iter().all(|agent| book.agents.contains_key(agent)), "only these are looked at");
        let spared = book.agents.values().map(|asked| asked.spared.len()).sum::<usize>();
        assert_eq!(spared, book.ends.len(), "each end belongs to someone who is spared");
        for (agent, asked) in &book.agents {
            assert!(self.agents.get(*agent).is_some(), "an agent that is gone is forgotten");
            for (framework, end) in &asked.spared {
                assert!(book.ends.contains(&(*end, *agent, *framework)), "a spare ends");
                assert!(!asked.outstanding.contains(framework), "who is asked again is not spared");
            }
            for framework in asked.outstanding.iter().chain(asked.spared.keys()) {
                let known = self.frameworks.get(*framework).is_some_and(|framework| framework.known);
                assert!(known, "a framework that is gone is forgotten");
            }
            // The law behind all marks.
            let forgotten = !book.due.contains(agent) && !self.to_be_asked(*agent).is_empty();
            assert!(!forgotten, "{agent:?} is not looked at, but someone is to be asked to leave it");
        }
    }
}
