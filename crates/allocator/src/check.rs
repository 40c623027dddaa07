//! The invariants.

use std::collections::BTreeSet;

use tepui_types::{AgentId, FrameworkId, Resources};

use crate::agent::{Agent, Attention};
use crate::allocator::{Allocator, counted};
use crate::quantities::Quantities;
use crate::refusals::Refusals;
use crate::slab::Index;
use crate::tree::Queue;

impl Allocator {
    /// Panics if an invariant is broken. Looks at every pair of client and agent: for tests and the simulator.
    pub fn check(&self) {
        self.tree.check();
        self.check_usage();
        self.check_quota();
        self.check_reclaims();
        let mut totals = Quantities::default();
        for (index, agent) in self.agents.iter() {
            totals.add(&agent.quantities);
            check_agent(agent);
            self.check_links(index, agent);
            self.check_settled(index, agent);
        }
        assert_eq!(totals, self.tree.totals, "the totals are those of the agents");
        let dangling = self.refusal_ends.iter().filter(|(end, agent, client)| {
            let refusals = self.agents.get(*agent).and_then(|agent| agent.refusals.get(client));
            refusals.and_then(Refusals::next_end) != Some(*end)
        });
        assert_eq!(dangling.count(), 0, "each end belongs to refusals");
    }

    /// What a framework holds of an agent, allocated to its roles: for the caller to compare with its own accounts.
    pub fn held(&self, framework: &FrameworkId, agent: &AgentId) -> Resources {
        let mut all = Resources::new();
        let Some((framework, agent)) = self.find(framework, agent) else { return all };
        for (role, client) in &self.frameworks[framework].clients {
            let Some(held) = self.agents[agent].held.get(client) else { continue };
            let mut held = held.clone();
            held.allocate(role.clone());
            all += &held;
        }
        all
    }

    fn check_usage(&self) {
        let mut overriding = 0;
        let mut names = self.tree.names.clone();
        for (index, client) in self.tree.clients.iter() {
            overriding += usize::from(client.min_allocatable.is_some());
            let framework = &self.frameworks[client.framework];
            let role = &self.tree.roles[client.role].path;
            assert_eq!(framework.clients.get(role.as_ref()), Some(&index), "a framework knows its clients");
            let mut usage = Quantities::default();
            for agent in &client.agents {
                let held = self.agents[*agent].held.get(&index).expect("a client holds what it says");
                usage.add(&counted(&mut names, held, None));
            }
            assert_eq!(usage, client.usage.quantities, "the usage is what is held");
            assert!(client.subscribed || !client.agents.is_empty(), "a client that nobody needs is gone");
            let listens = framework.active && !framework.paused;
            let wants = client.subscribed && !client.suppressed && listens && framework.known;
            assert_eq!(wants, client.is_listed(Queue::All), "who wants offers is in the queue");
        }
        assert_eq!(overriding, self.overriding, "clients with a minimum are counted");
        for (_, framework) in self.frameworks.iter() {
            assert!(
                framework.known || !framework.clients.is_empty(),
                "a framework that nobody needs is gone"
            );
        }
    }

    fn check_links(&self, index: Index<Agent>, agent: &Agent) {
        assert_eq!(agent.is_offerable(), self.offerable.contains(&index), "what can be offered is listed");
        let is_marked = self.marked.contains(&index);
        assert!(is_marked || agent.attention == Attention::None, "who needs attention is marked");
        for client in agent.held.keys() {
            assert!(
                self.tree.clients[*client].agents.contains(&index),
                "a client knows where it holds something"
            );
        }
        for (client, refusals) in agent.refusals.iter() {
            assert!(self.tree.clients[*client].refused.contains(&index), "a client knows what it refused");
            let end = refusals.next_end().expect("refusals that are over are gone");
            assert!(self.refusal_ends.contains(&(end, index, *client)), "refusals end");
        }
        if let Some((_, end)) = &agent.shared_offered {
            assert!(self.shared_cycles.contains(&(*end, index)), "a cycle of shared resources ends");
        }
    }

    /// The law behind all marks: what nobody has to look at, nobody would take.
    fn check_settled(&self, index: Index<Agent>, agent: &Agent) {
        // What quota withheld is looked at again later.
        if self.quota.as_ref().is_some_and(|book| book.look_again.is_some()) {
            return;
        }
        if !agent.is_offerable() || !matches!(agent.attention, Attention::None | Attention::Some(_)) {
            return;
        }
        let looking: BTreeSet<_> = match &agent.attention {
            Attention::Some(clients) => clients.iter().copied().collect(),
            Attention::None | Attention::Hungry | Attention::All => BTreeSet::new(),
        };
        for (client, entry) in self.tree.clients.iter() {
            let looks = looking.contains(&client) || (entry.is_listed(Queue::Hungry) && self.newly_hungry);
            if entry.is_listed(Queue::All) && !looks {
                let offer = self.would_offer(index, client);
                assert_eq!(offer, None, "{client:?} would take something of {index:?}, but is not asked");
            }
        }
    }
}

/// No agent has more offered and used than it has, unless it said so itself.
fn check_agent(agent: &Agent) {
    let total = agent.description.total.non_shared();
    let held: Resources = agent.held.values().map(Resources::non_shared).sum();
    if agent.overcommitted {
        assert!(!total.contains(&held), "{}: not overcommitted", agent.id);
    } else {
        assert_eq!(&held + &agent.free, total, "{}: what is held and what is free is all", agent.id);
    }
    assert!(
        agent.held.values().all(|held| !held.is_empty()),
        "{}: who holds nothing is not listed",
        agent.id
    );
    for refusals in agent.refusals.values() {
        assert!(refusals.next_end().is_some(), "{}: refusals that are over are gone", agent.id);
    }
}
