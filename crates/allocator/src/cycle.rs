//! Who gets what.
//!
//! Agents are visited in random order. On each, clients are asked in the order of their shares, and the first that may
//! and wants to have what is there gets all of it that it may have (offers are coarse: a framework that sees more of an
//! agent places better). What is left, say because it is reserved to others, goes on to the next.
//!
//! Only marked agents are visited, and only by the clients whose answer may have changed. That is enough, because what
//! a client may not or does not want to have stays so until more of the agent is free, a refusal ends, or the client
//! says something new; each of these marks. `check` proves it. The sweep goes slowly over all agents nevertheless, so
//! that an error there would cost a delay and not a lost agent.

use std::sync::Arc;

use tepui_types::{Resource, ResourceQuantities, ResourceValue, Resources, Scalar, Time};

use crate::agent::{Agent, Attention};
use crate::allocator::{Allocation, Allocator};
use crate::options::Options;
use crate::slab::Index;
use crate::tree::{Client, Queue, Tree};

/// How much is done before other inputs get their turn, in units of a client looking at an agent (some 20 ns).
const SLICE: usize = 100_000;

/// The part of a slice that the sweep may use in one interval.
const SWEEP: usize = SLICE / 8;

/// What an allocation costs in those units.
const ALLOCATION_COST: usize = 20;

/// The slow pass over all agents.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// When it goes on; `None` while nothing changed since it saw every agent.
    next: Option<Time>,
    /// How many agents it has still to see.
    left: usize,
    last: Option<Index<Agent>>,
}

impl Allocator {
    /// Says what is to be offered now, by appending to `out`, and counts it as held.
    ///
    /// Looks at what changed since the last call. If that is very much, only a slice of it is done, and
    /// [`Allocator::next_deadline`] is at once.
    pub fn allocate(&mut self, now: Time, out: &mut Vec<Allocation>) {
        self.now = self.now.max(now);
        self.end_refusals();
        self.begin_shared_cycles();
        self.look_again_for_quota();
        let eventful = !self.marked.is_empty() || self.newly_hungry;
        self.sweep(eventful);
        if self.marked.is_empty() && !self.newly_hungry {
            return;
        }
        self.tree.settle();
        if std::mem::take(&mut self.newly_hungry) {
            self.mark_for_hungry();
        }
        let mut marked = std::mem::take(&mut self.marked);
        self.random.shuffle(&mut marked);
        let mut work = 0;
        while work < SLICE
            && let Some(agent) = marked.pop()
        {
            work += 1 + self.visit(agent, out);
        }
        if marked.is_empty() {
            self.tree.sate();
        }
        self.marked = marked;
    }

    /// When [`Allocator::allocate`] or [`Allocator::reclaim`] has something to do, if nothing is told in between.
    pub fn next_deadline(&self) -> Option<Time> {
        if !self.marked.is_empty() || self.newly_hungry {
            return Some(self.now);
        }
        let refusals = self.refusal_ends.first().map(|(end, ..)| *end);
        let cycles = self.shared_cycles.first().map(|(end, _)| *end);
        let quota = self.quota.as_ref().and_then(|book| book.look_again);
        let reclaims = self.reclaims.next_deadline(self.now);
        [refusals, cycles, quota, reclaims, self.sweep.next].into_iter().flatten().min()
    }

    /// Lets clients look at what they had refused.
    fn end_refusals(&mut self) {
        while let Some((end, agent, client)) = self.refusal_ends.first().copied()
            && end <= self.now
        {
            self.refusal_ends.pop_first();
            let now = self.now;
            self.change_refusals(agent, client, |refusals| refusals.expire(now));
            match &mut self.agents[agent].attention {
                attention @ Attention::None => {
                    *attention = Attention::Some(vec![client]);
                    self.marked.push(agent);
                }
                Attention::Some(clients) => clients.push(client),
                attention @ Attention::Hungry => *attention = Attention::All,
                Attention::All => {}
            }
        }
    }

    /// Lets shared resources be offered again.
    fn begin_shared_cycles(&mut self) {
        while let Some((end, agent)) = self.shared_cycles.first().copied()
            && end <= self.now
        {
            self.shared_cycles.pop_first();
            self.agents[agent].shared_offered = None;
            self.mark(agent);
        }
    }

    fn mark_for_hungry(&mut self) {
        for agent in &self.offerable {
            let attention = &mut self.agents[*agent].attention;
            match attention {
                Attention::None => {
                    *attention = Attention::Hungry;
                    self.marked.push(*agent);
                }
                Attention::Some(_) => *attention = Attention::All,
                Attention::Hungry | Attention::All => {}
            }
        }
    }

    /// Marks the next few agents if the time has come. Where nothing happens, it comes to rest after one round.
    fn sweep(&mut self, eventful: bool) {
        if eventful {
            self.sweep.left = self.offerable.len();
            self.sweep.next = self.sweep.next.or(Some(self.now + self.options.allocation_interval));
        }
        if self.sweep.next.is_none_or(|next| next > self.now) {
            return;
        }
        self.tree.measure();
        let few = (SWEEP / self.tree.len(Queue::All).max(1)).max(1).min(self.sweep.left);
        let last = self.sweep.last.take();
        let after = self.offerable.iter().filter(|agent| last.is_none_or(|last| **agent > last));
        let agents: Vec<_> = after.take(few).copied().collect();
        self.sweep.last = agents.last().copied().filter(|_| agents.len() == few);
        for agent in agents {
            self.mark(agent);
        }
        self.sweep.left -= few;
        self.sweep.next = (self.sweep.left > 0).then(|| self.now + self.options.allocation_interval);
    }

    /// Shares what an agent has, and tells how much work that was.
    fn visit(&mut self, index: Index<Agent>, out: &mut Vec<Allocation>) -> usize {
        if self.agents.get(index).is_none() {
            return 0;
        }
        self.tree.settle_stale();
        let agent = &mut self.agents[index];
        let attention = std::mem::take(&mut agent.attention);
        if !agent.is_offerable() || (self.overriding == 0 && agent.is_below_minimum(&self.options)) {
            return 0;
        }
        if self.quota.is_some() {
            let before = out.len();
            let work = self.visit_with_quota(index, &attention, out);
            self.note_offerable(index);
            return work + (out.len() - before) * ALLOCATION_COST;
        }
        let mut visit = Visit::new(agent, &self.tree, &self.options, self.now);
        match attention {
            Attention::None => {}
            Attention::Some(clients) => visit.ask(in_order(&self.tree, clients).into_iter()),
            Attention::Hungry => visit.ask(self.tree.in_order(Queue::Hungry)),
            Attention::All => visit.ask(self.tree.in_order(Queue::All)),
        }
        let Visit { work, taken, .. } = visit;
        let cost = work + taken.len() * ALLOCATION_COST;
        for (client, resources) in taken {
            self.give(index, client, resources, out);
        }
        self.note_offerable(index);
        cost
    }

    /// Counts what a client takes of an agent, and reports it.
    pub(crate) fn give(
        &mut self,
        index: Index<Agent>,
        client: Index<Client>,
        mut resources: Resources,
        out: &mut Vec<Allocation>,
    ) {
        if let Some((_, end)) = &self.agents[index].shared_offered {
            self.shared_cycles.insert((*end, index));
        }
        self.change_refusals(index, client, |refusals| refusals.offered(&resources));
        self.hold(index, client, &resources);
        self.tree.count_allocation(client);
        let entry = &self.tree.clients[client];
        let role = &self.tree.roles[entry.role].path;
        resources.allocate(Arc::clone(role));
        out.push(Allocation {
            framework: self.frameworks[entry.framework].id.clone(),
            role: Arc::clone(role),
            agent: self.agents[index].id.clone(),
            resources,
        });
    }
}

/// One look at one agent.
struct Visit<'a> {
    agent: &'a mut Agent,
    tree: &'a Tree,
    options: &'a Options,
    /// What is there is the same for every client; whether it satisfies the allocator's minimum.
    plain: Option<bool>,
    /// When shared resources that are taken now may be offered again.
    cycle_end: Time,
    taken: Vec<(Index<Client>, Resources)>,
    work: usize,
}

impl<'a> Visit<'a> {
    fn new(agent: &'a mut Agent, tree: &'a Tree, options: &'a Options, now: Time) -> Self {
        let plain = agent.is_plain().then(|| satisfies(&options.min_allocatable, &agent.free));
        let cycle_end = now + options.allocation_interval;
        Self { agent, tree, options, plain, cycle_end, taken: Vec::new(), work: 0 }
    }

    /// Lets clients take what they may, in this order.
    fn ask(&mut self, clients: impl Iterator<Item = Index<Client>>) {
        for client in clients {
            if !self.agent.is_offerable() {
                return;
            }
            self.work += 1;
            if self.plain.is_some() {
                self.ask_plainly(client);
            } else if let Some(candidate) = self.agent.offer_for(client, self.tree, self.options) {
                self.take(client, candidate);
            }
        }
    }

    /// As [`Agent::offer_for`], without a copy of what is free for each client.
    fn ask_plainly(&mut self, index: Index<Client>) {
        let client = &self.tree.clients[index];
        let role = &self.tree.roles[client.role].path;
        let is_enough = match &client.min_allocatable {
            Some(minimum) => satisfies(minimum, &self.agent.free),
            None => self.plain == Some(true),
        };
        let refusals = self.agent.refusals.get(&index);
        if is_enough
            && self.agent.suits(client, role, self.options.filter_gpu_resources)
            && !refusals.is_some_and(|refusals| refusals.block(&self.agent.free))
        {
            self.taken.push((index, std::mem::take(&mut self.agent.free)));
        }
    }

    fn take(&mut self, client: Index<Client>, candidate: Resources) {
        self.agent.take_offer(&candidate, self.cycle_end);
        self.taken.push((client, candidate));
    }
}

impl Agent {
    /// What a client is to be offered of this agent, if anything.
    pub(crate) fn offer_for(
        &self,
        index: Index<Client>,
        tree: &Tree,
        options: &Options,
    ) -> Option<Resources> {
        let client = &tree.clients[index];
        let role = &tree.roles[client.role].path;
        if !self.suits(client, role, options.filter_gpu_resources) {
            return None;
        }
        let candidate = self.candidate(client, role, index);
        let minimum = client.min_allocatable.as_ref().unwrap_or(&options.min_allocatable);
        let refusals = self.refusals.get(&index);
        let is_wanted = !candidate.is_empty()
            && satisfies(minimum, &candidate)
            && !refusals.is_some_and(|refusals| refusals.block(&candidate));
        is_wanted.then_some(candidate)
    }

    /// Whether not even all that is left satisfies the allocator's minimum.
    pub(crate) fn is_below_minimum(&self, options: &Options) -> bool {
        if self.shared.is_empty() {
            !satisfies(&options.min_allocatable, &self.free)
        } else {
            !satisfies(&options.min_allocatable, &(&self.free + &self.shared))
        }
    }
}

/// Those of the clients who want offers, in order.
pub(crate) fn in_order(tree: &Tree, mut clients: Vec<Index<Client>>) -> Vec<Index<Client>> {
    clients.retain(|client| tree.clients.get(*client).is_some_and(|it| it.is_listed(Queue::All)));
    clients.sort_unstable_by(|left, right| tree.compare(*left, *right));
    clients.dedup();
    clients
}

/// Whether resources hold any of the sets, if there are any.
pub(crate) fn satisfies(minimum: &[ResourceQuantities], resources: &Resources) -> bool {
    let holds = |set: &ResourceQuantities| {
        set.iter().all(|(name, needed)| {
            let amounts = resources.iter().filter(|it| it.resource_name() == name).map(amount);
            amounts.fold(Scalar::ZERO, |sum, amount| sum + amount) >= needed
        })
    };
    minimum.is_empty() || minimum.iter().any(holds)
}

/// How much a resource is; of ranges and sets, how many.
fn amount(resource: &Resource) -> Scalar {
    let count =
        |count: u64| Scalar::from_thousandths(i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1000));
    match resource.value() {
        ResourceValue::Scalar(amount) => *amount,
        ResourceValue::Ranges(ranges) => count(ranges.count()),
        ResourceValue::Set(set) => count(set.len() as u64),
    }
}
