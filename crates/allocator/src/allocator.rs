//! What the allocator can be told.
//!
//! Unknown ids change nothing: a framework or an agent may have been removed while its caller still had news of it.
//!
//! An agent whose free resources grew, and a client that began to want offers, are marked here; the next
//! [`Allocator::allocate`] looks at what is marked and at nothing else.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use tepui_types::{AgentId, FrameworkId, Resources, Time};

use crate::agent::{Agent, AgentDescription, Attention};
use crate::cycle::Sweep;
use crate::framework::{Framework, FrameworkCapabilities, FrameworkDescription};
use crate::options::Options;
use crate::quantities::{Names, Quantities};
use crate::quota::QuotaBook;
use crate::reclaim::Reclaims;
use crate::refusals::Refusals;
use crate::slab::{Index, Slab};
use crate::tree::{Client, Queue, Tree};

/// Without a damper at all, a scheduler that declines would be answered at once without end.
const MIN_ALLOCATION_INTERVAL: Duration = Duration::from_millis(1);

/// Resources of one agent that are to be offered to a framework in a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// To whom.
    pub framework: FrameworkId,
    /// In which of its roles.
    pub role: Arc<str>,
    /// Of which agent.
    pub agent: AgentId,
    /// What, marked as allocated to the role.
    pub resources: Resources,
}

/// Shares what agents have among the frameworks that want it.
#[derive(Debug)]
pub struct Allocator {
    pub(crate) options: Options,
    pub(crate) random: fastrand::Rng,
    /// The time of the last call that named one.
    pub(crate) now: Time,
    pub(crate) frameworks: Slab<Framework>,
    pub(crate) agents: Slab<Agent>,
    framework_by_id: HashMap<FrameworkId, Index<Framework>, FixedState>,
    agent_by_id: HashMap<AgentId, Index<Agent>, FixedState>,
    pub(crate) tree: Tree,
    /// Clients with a minimum of their own.
    pub(crate) overriding: usize,
    /// Agents that have something to offer.
    pub(crate) offerable: BTreeSet<Index<Agent>>,
    /// Agents that are marked.
    pub(crate) marked: Vec<Index<Agent>>,
    /// Whether there are hungry clients for whom the agents were not yet marked.
    pub(crate) newly_hungry: bool,
    /// When refusals end.
    pub(crate) refusal_ends: BTreeSet<(Time, Index<Agent>, Index<Client>)>,
    /// When shared resources may be offered again.
    pub(crate) shared_cycles: BTreeSet<(Time, Index<Agent>)>,
    pub(crate) sweep: Sweep,
    /// The host names whose agents are offered; all, if there is no list.
    whitelist: Option<BTreeSet<String>>,
    /// Quotas, if there are any.
    pub(crate) quota: Option<Box<QuotaBook>>,
    /// The agents that are to become unavailable.
    pub(crate) reclaims: Reclaims,
}

/// Frameworks.
impl Allocator {
    /// An allocator that knows nothing yet. The same calls with the same seed give the same allocations.
    pub fn new(mut options: Options, seed: u64) -> Self {
        options.allocation_interval = options.allocation_interval.max(MIN_ALLOCATION_INTERVAL);
        let mut random = fastrand::Rng::with_seed(seed);
        let state = FixedState::with_seed(random.u64(..));
        Self {
            tree: Tree::new(options.excluded_from_fair_share.clone(), options.sorter, random.u64(..)),
            options,
            random,
            now: Time::ZERO,
            frameworks: Slab::default(),
            agents: Slab::default(),
            framework_by_id: HashMap::with_hasher(state.clone()),
            agent_by_id: HashMap::with_hasher(state.clone()),
            overriding: 0,
            offerable: BTreeSet::new(),
            marked: Vec::new(),
            newly_hungry: false,
            refusal_ends: BTreeSet::new(),
            shared_cycles: BTreeSet::new(),
            sweep: Sweep::default(),
            whitelist: None,
            quota: None,
            reclaims: Reclaims::default(),
        }
    }

    /// Adds a framework; if it is there already, replaces its description.
    pub fn add_framework(&mut self, id: &FrameworkId, description: FrameworkDescription, active: bool) {
        let framework = self.ensure_framework(id);
        let entry = &mut self.frameworks[framework];
        entry.known = true;
        entry.active = active;
        self.describe(framework, description);
        self.look_again_for_reclaims(framework);
    }

    /// Replaces the description of a framework.
    pub fn update_framework(&mut self, id: &FrameworkId, description: FrameworkDescription) {
        if let Some(framework) = self.known_framework(id) {
            self.describe(framework, description);
        }
    }

    /// Removes a framework and frees what it holds.
    pub fn remove_framework(&mut self, id: &FrameworkId) {
        let Some(framework) = self.framework_by_id.get(id).copied() else { return };
        self.frameworks[framework].known = false;
        self.reclaims.forget_framework(framework);
        let clients: Vec<_> = self.frameworks[framework].clients.values().copied().collect();
        for client in clients {
            self.unsubscribe(client);
            let agents = self.tree.clients[client].agents.clone();
            for agent in agents {
                if let Some(held) = self.agents[agent].held.get(&client).cloned() {
                    self.release(agent, client, &held);
                }
            }
            self.drop_if_unused(client);
        }
        self.forget_if_unused(framework);
    }

    /// Makes offers to a framework again.
    pub fn activate_framework(&mut self, id: &FrameworkId) {
        self.set_active(id, true);
    }

    /// Makes no more offers to a framework, and forgets what it refused. What it holds stays held.
    pub fn deactivate_framework(&mut self, id: &FrameworkId) {
        self.set_active(id, false);
    }

    /// Makes no offers to a framework until [`Allocator::resume_framework`]. Unlike one that is deactivated it keeps what
    /// it refused: it only reads slowly.
    pub fn pause_framework(&mut self, id: &FrameworkId) {
        self.set_paused(id, true);
    }

    /// Makes offers to a framework that was paused, of all that came together meanwhile.
    pub fn resume_framework(&mut self, id: &FrameworkId) {
        self.set_paused(id, false);
    }

    fn set_paused(&mut self, id: &FrameworkId, paused: bool) {
        let Some(framework) = self.known_framework(id) else { return };
        if std::mem::replace(&mut self.frameworks[framework].paused, paused) == paused {
            return;
        }
        let clients: Vec<_> = self.frameworks[framework].clients.values().copied().collect();
        for client in clients {
            self.list(client);
        }
        self.look_again_for_reclaims(framework);
    }

    fn set_active(&mut self, id: &FrameworkId, active: bool) {
        let Some(framework) = self.known_framework(id) else { return };
        self.frameworks[framework].active = active;
        let clients: Vec<_> = self.frameworks[framework].clients.values().copied().collect();
        for client in clients {
            if !active {
                self.forget_refusals(client);
            }
            self.list(client);
        }
        if !active {
            self.reclaims.spare_no_more(framework);
        }
        self.look_again_for_reclaims(framework);
    }

    /// Makes offers in these roles (all of the framework's, if none is named), also of what was refused before.
    pub fn revive(&mut self, id: &FrameworkId, roles: &BTreeSet<String>) {
        for client in self.subscribed_clients(id, roles) {
            self.tree.clients[client].suppressed = false;
            self.forget_refusals(client);
            self.list(client);
            self.make_hungry(client);
        }
        if let Some(framework) = self.known_framework(id) {
            self.reclaims.spare_no_more(framework);
        }
    }

    /// Makes no more offers in these roles (all of the framework's, if none is named).
    pub fn suppress(&mut self, id: &FrameworkId, roles: &BTreeSet<String>) {
        for client in self.subscribed_clients(id, roles) {
            self.tree.clients[client].suppressed = true;
            self.list(client);
        }
    }

    /// Sets the weight of a role, which divides its share. What is not a positive number changes nothing.
    pub fn set_weight(&mut self, role: &str, weight: f64) {
        if weight.is_finite() && weight > 0.0 {
            self.tree.set_weight(role, weight);
        }
    }

    fn known_framework(&self, id: &FrameworkId) -> Option<Index<Framework>> {
        self.framework_by_id.get(id).copied().filter(|framework| self.frameworks[*framework].known)
    }

    fn ensure_framework(&mut self, id: &FrameworkId) -> Index<Framework> {
        if let Some(framework) = self.framework_by_id.get(id) {
            return *framework;
        }
        let framework = self.frameworks.insert(Framework {
            id: id.clone(),
            known: false,
            active: false,
            paused: false,
            capabilities: FrameworkCapabilities::default(),
            clients: BTreeMap::new(),
        });
        self.framework_by_id.insert(id.clone(), framework);
        framework
    }

    fn ensure_client(&mut self, framework: Index<Framework>, role: &str) -> Index<Client> {
        let entry = &mut self.frameworks[framework];
        if let Some(client) = entry.clients.get(role) {
            return *client;
        }
        let client = self.tree.add_client(framework, entry.id.as_str(), role);
        self.tree.clients[client].capabilities = entry.capabilities;
        entry.clients.insert(role.to_owned(), client);
        client
    }

    fn describe(&mut self, framework: Index<Framework>, description: FrameworkDescription) {
        let FrameworkDescription { roles, suppressed, capabilities, mut min_allocatable, mut constraints } =
            description;
        let entry = &mut self.frameworks[framework];
        entry.capabilities = capabilities;
        let left: Vec<_> = entry
            .clients
            .iter()
            .filter(|(role, _)| !roles.contains(*role))
            .map(|(_, client)| *client)
            .collect();
        for client in left {
            self.unsubscribe(client);
            self.drop_if_unused(client);
        }
        for role in &roles {
            let client = self.ensure_client(framework, role);
            let suppressed = suppressed.contains(role);
            let revived = self.tree.clients[client].suppressed && !suppressed;
            self.set_minimum(client, min_allocatable.remove(role));
            let constraints = constraints.remove(role);
            let entry = &mut self.tree.clients[client];
            let changed = entry.capabilities != capabilities || entry.constraints != constraints;
            entry.capabilities = capabilities;
            entry.constraints = constraints;
            entry.subscribed = true;
            entry.suppressed = suppressed;
            self.list(client);
            if revived {
                self.forget_refusals(client);
            }
            if revived || changed {
                self.make_hungry(client);
            }
        }
        self.forget_if_unused(framework);
    }

    fn set_minimum(&mut self, client: Index<Client>, minimum: Option<Vec<tepui_types::ResourceQuantities>>) {
        let entry = &mut self.tree.clients[client];
        if entry.min_allocatable == minimum {
            return;
        }
        self.overriding -= usize::from(entry.min_allocatable.is_some());
        self.overriding += usize::from(minimum.is_some());
        entry.min_allocatable = minimum;
        self.make_hungry(client);
    }

    fn subscribed_clients(&self, id: &FrameworkId, roles: &BTreeSet<String>) -> Vec<Index<Client>> {
        let Some(framework) = self.known_framework(id) else { return Vec::new() };
        let all = self.frameworks[framework].clients.iter();
        all.filter(|(role, client)| {
            self.tree.clients[**client].subscribed && (roles.is_empty() || roles.contains(*role))
        })
        .map(|(_, client)| *client)
        .collect()
    }

    /// Puts a client into the queue iff it wants offers.
    fn list(&mut self, client: Index<Client>) {
        let entry = &self.tree.clients[client];
        let framework = &self.frameworks[entry.framework];
        let wants = entry.subscribed && !entry.suppressed && framework.active && !framework.paused;
        if !wants {
            self.tree.delist(Queue::Hungry, client);
            self.tree.delist(Queue::All, client);
        } else if !entry.is_listed(Queue::All) {
            self.tree.enlist(Queue::All, client);
            self.make_hungry(client);
        }
    }

    /// Lets a client see all that is free, if it wants offers.
    fn make_hungry(&mut self, client: Index<Client>) {
        if self.tree.clients[client].is_listed(Queue::All) {
            self.tree.enlist(Queue::Hungry, client);
            self.newly_hungry = true;
        }
    }

    fn unsubscribe(&mut self, client: Index<Client>) {
        self.forget_refusals(client);
        self.set_minimum(client, None);
        let entry = &mut self.tree.clients[client];
        entry.subscribed = false;
        entry.suppressed = false;
        self.list(client);
    }

    fn forget_refusals(&mut self, client: Index<Client>) {
        for agent in std::mem::take(&mut self.tree.clients[client].refused) {
            let refusals = self.agents[agent].refusals.remove(&client);
            if let Some(end) = refusals.and_then(|refusals| refusals.next_end()) {
                self.refusal_ends.remove(&(end, agent, client));
            }
        }
    }

    fn drop_if_unused(&mut self, client: Index<Client>) {
        let entry = &self.tree.clients[client];
        if entry.subscribed || !entry.agents.is_empty() {
            return;
        }
        let framework = entry.framework;
        let role = &self.tree.roles[entry.role].path;
        self.frameworks[framework].clients.remove(role.as_ref());
        self.tree.remove_client(client);
    }

    fn forget_if_unused(&mut self, framework: Index<Framework>) {
        let entry = &self.frameworks[framework];
        if !entry.known && entry.clients.is_empty() {
            self.framework_by_id.remove(&entry.id);
            self.frameworks.remove(framework);
        }
    }
}

/// Agents.
impl Allocator {
    /// Adds an agent, of which frameworks (known or not) use something already. If it is there, it is replaced.
    pub fn add_agent(
        &mut self,
        id: &AgentId,
        description: AgentDescription,
        used: &BTreeMap<FrameworkId, Resources>,
    ) {
        self.remove_agent(id);
        let whitelisted = self.is_whitelisted(&description.hostname);
        let agent = self.agents.insert(Agent::new(id.clone(), description, whitelisted));
        self.agent_by_id.insert(id.clone(), agent);
        self.count_total(agent);
        for (framework, resources) in used {
            self.claim(framework, id, resources);
        }
        self.mark(agent);
    }

    /// Replaces the description of an agent. With other attributes it is offered anew to those who refused it.
    pub fn update_agent(&mut self, id: &AgentId, description: AgentDescription) {
        let Some(agent) = self.agent_by_id.get(id).copied() else { return };
        if self.agents[agent].description.attributes != description.attributes {
            self.forget_refusals_of(agent);
        }
        self.agents[agent].whitelisted = self.is_whitelisted(&description.hostname);
        self.agents[agent].description = description;
        self.agents[agent].recount();
        self.count_total(agent);
        self.mark(agent);
    }

    /// Offers only agents of these host names; all, if there is no list. What is offered already stays so.
    pub fn set_whitelist(&mut self, whitelist: Option<BTreeSet<String>>) {
        self.whitelist = whitelist;
        let agents: Vec<Index<Agent>> = self.agents.indexes().into_iter().collect();
        for agent in agents {
            let whitelisted = self.is_whitelisted(&self.agents[agent].description.hostname);
            if std::mem::replace(&mut self.agents[agent].whitelisted, whitelisted) != whitelisted {
                self.mark(agent);
            }
        }
    }

    fn is_whitelisted(&self, hostname: &str) -> bool {
        self.whitelist.as_ref().is_none_or(|whitelist| whitelist.contains(hostname))
    }

    /// Removes an agent with all that is held of it.
    pub fn remove_agent(&mut self, id: &AgentId) {
        let Some(agent) = self.agent_by_id.remove(id) else { return };
        self.offerable.remove(&agent);
        self.reclaims.forget_agent(agent);
        let held = std::mem::take(&mut self.agents[agent].held);
        for (client, resources) in held {
            let quantities = counted(&mut self.tree.names, &resources, None);
            self.tree.charge(client, &Quantities::default(), &quantities);
            self.count_quota_held(client, &Resources::new(), &resources);
            let entry = &mut self.tree.clients[client];
            entry.agents.remove(&agent);
            let framework = entry.framework;
            self.drop_if_unused(client);
            self.forget_if_unused(framework);
        }
        let Some(removed) = self.agents.remove(agent) else { return };
        self.tree.totals.subtract(&removed.quantities);
        self.forget_quota_totals(removed.quota_totals.as_deref());
        for (client, refusals) in removed.refusals {
            self.tree.clients[client].refused.remove(&agent);
            if let Some(end) = refusals.next_end() {
                self.refusal_ends.remove(&(end, agent, client));
            }
        }
        if let Some((_, end)) = removed.shared_offered {
            self.shared_cycles.remove(&(end, agent));
        }
    }

    fn forget_refusals_of(&mut self, agent: Index<Agent>) {
        self.reclaims.spare_nobody(agent);
        for (client, refusals) in std::mem::take(&mut self.agents[agent].refusals) {
            self.tree.clients[client].refused.remove(&agent);
            if let Some(end) = refusals.next_end() {
                self.refusal_ends.remove(&(end, agent, client));
            }
        }
    }

    /// Offers an agent again.
    pub fn activate_agent(&mut self, id: &AgentId) {
        self.set_agent_active(id, true);
    }

    /// Offers an agent no more. What is held of it stays held.
    pub fn deactivate_agent(&mut self, id: &AgentId) {
        self.set_agent_active(id, false);
    }

    fn set_agent_active(&mut self, id: &AgentId, active: bool) {
        let Some(agent) = self.agent_by_id.get(id).copied() else { return };
        if std::mem::replace(&mut self.agents[agent].active, active) != active {
            self.mark(agent);
            self.reclaims.mark(agent);
        }
    }

    fn count_total(&mut self, agent: Index<Agent>) {
        let entry = &mut self.agents[agent];
        let quantities = counted(&mut self.tree.names, &entry.description.total, None);
        self.tree.totals.subtract(&entry.quantities);
        self.tree.totals.add(&quantities);
        entry.quantities = quantities;
        self.count_quota_totals(agent);
    }

    /// As [`Self::count_total`], if nothing but this changed.
    fn count_change(&mut self, agent: Index<Agent>, from: &Resources, to: &Resources) {
        let less = counted(&mut self.tree.names, from, None);
        let more = counted(&mut self.tree.names, to, None);
        for quantities in [&mut self.tree.totals, &mut self.agents[agent].quantities] {
            quantities.subtract(&less);
            quantities.add(&more);
        }
        self.count_quota_totals(agent);
    }

    /// Lets all clients look at an agent, because it may have more to offer than before.
    pub(crate) fn mark(&mut self, agent: Index<Agent>) {
        self.note_offerable(agent);
        let entry = &mut self.agents[agent];
        if entry.attention == Attention::None {
            self.marked.push(agent);
        }
        entry.attention = Attention::All;
    }

    pub(crate) fn note_offerable(&mut self, agent: Index<Agent>) {
        if self.agents[agent].is_offerable() {
            self.offerable.insert(agent);
        } else {
            self.offerable.remove(&agent);
        }
    }
}

/// What is taken and given back.
impl Allocator {
    /// Gives back resources that were allocated: they were freed by a task, rescinded, declined or left unused.
    ///
    /// In the last two cases `refuse` is for how long the framework does not want them in this role. They stay away
    /// from it for an allocation interval at the least, unless it revives; others may get them at once.
    pub fn recover(
        &mut self,
        now: Time,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
    ) {
        self.now = self.now.max(now);
        let Some((framework, agent)) = self.find(framework, agent) else { return };
        for (role, part) in resources.allocations() {
            let Some(client) = self.frameworks[framework].clients.get(role.as_ref()).copied() else {
                continue;
            };
            if let Some(time) = refuse.filter(|_| self.tree.clients[client].subscribed) {
                self.refuse(agent, client, &part, time);
            }
            self.release(agent, client, &part);
            self.drop_if_unused(client);
        }
        self.forget_if_unused(framework);
    }

    /// Takes resources that are found in use although they were not allocated by us: those of tasks that an agent
    /// brings along, and further copies of a shared resource.
    pub fn claim(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &Resources) {
        let Some(agent) = self.agent_by_id.get(agent).copied() else { return };
        let framework = self.ensure_framework(framework);
        for (role, part) in resources.allocations() {
            let client = self.ensure_client(framework, &role);
            self.hold(agent, client, &part);
            self.agents[agent].take_held(&part);
        }
        self.forget_if_unused(framework);
        self.note_offerable(agent);
    }

    /// Replaces allocated resources by what an operation makes of them; the agent then has these and no longer those.
    /// Nothing changes if the framework does not hold all of `from`.
    pub fn convert(&mut self, framework: &FrameworkId, agent: &AgentId, from: &Resources, to: &Resources) {
        let Some((framework, agent)) = self.find(framework, agent) else { return };
        let holds = from.allocations().into_iter().all(|(role, part)| {
            let client = self.frameworks[framework].clients.get(role.as_ref());
            client
                .and_then(|client| self.agents[agent].held.get(client))
                .is_some_and(|held| held.contains(&part))
        });
        if !holds {
            return;
        }
        for (role, part) in to.allocations() {
            let client = self.ensure_client(framework, &role);
            self.hold(agent, client, &part);
        }
        for (role, part) in from.allocations() {
            let Some(client) = self.frameworks[framework].clients.get(role.as_ref()).copied() else {
                continue;
            };
            self.let_go(agent, client, &part);
            self.drop_if_unused(client);
        }
        let (mut from, mut to) = (from.clone(), to.clone());
        from.unallocate();
        to.unallocate();
        let entry = &mut self.agents[agent];
        // Then what is there changes just as what is held, and what is free does not change.
        let is_even = !entry.overcommitted
            && from.iter().chain(&to).all(|it| !it.is_shared() && it.name() != "gpus")
            && entry.description.total.contains(&from);
        entry.description.total -= &from;
        entry.description.total += &to;
        if is_even {
            self.count_change(agent, &from, &to);
            return;
        }
        let (was_free, shared) = (self.agents[agent].free.clone(), self.agents[agent].shared.clone());
        self.agents[agent].recount();
        self.count_total(agent);
        let entry = &self.agents[agent];
        if entry.free != was_free || entry.shared != shared {
            self.mark(agent);
        }
    }

    pub(crate) fn agent(&self, id: &AgentId) -> Option<Index<Agent>> {
        self.agent_by_id.get(id).copied()
    }

    pub(crate) fn find(
        &self,
        framework: &FrameworkId,
        agent: &AgentId,
    ) -> Option<(Index<Framework>, Index<Agent>)> {
        Some((*self.framework_by_id.get(framework)?, *self.agent_by_id.get(agent)?))
    }

    /// Adds to what a client holds of an agent.
    pub(crate) fn hold(&mut self, agent: Index<Agent>, client: Index<Client>, resources: &Resources) {
        let held = self.agents[agent].held.get_or_default(client);
        let quantities = counted(&mut self.tree.names, resources, Some(held));
        *held += resources;
        self.tree.charge(client, &quantities, &Quantities::default());
        let holds_nothing = held.is_empty();
        if self.quota.is_some() {
            self.count_quota_held(client, resources, &Resources::new());
        }
        if holds_nothing {
            self.agents[agent].held.remove(&client);
        } else {
            self.tree.clients[client].agents.insert(agent);
            self.reclaims.mark(agent);
        }
    }

    /// Subtracts from what a client holds of an agent, as far as it holds it, and tells what that was.
    fn let_go<'a>(
        &mut self,
        agent: Index<Agent>,
        client: Index<Client>,
        resources: &'a Resources,
    ) -> Cow<'a, Resources> {
        let Some(held) = self.agents[agent].held.get_mut(&client) else { return Cow::default() };
        let part = if held.contains(resources) {
            Cow::Borrowed(resources)
        } else {
            Cow::Owned(&*held - (&*held - resources))
        };
        *held -= &*part;
        let quantities = counted(&mut self.tree.names, &part, Some(held));
        self.tree.charge(client, &Quantities::default(), &quantities);
        let holds_nothing = held.is_empty();
        if self.quota.is_some() {
            self.count_quota_held(client, &Resources::new(), &part);
        }
        if holds_nothing {
            self.agents[agent].held.remove(&client);
            self.tree.clients[client].agents.remove(&agent);
        }
        part
    }

    /// Makes free what a client held.
    fn release(&mut self, agent: Index<Agent>, client: Index<Client>, resources: &Resources) {
        let part = self.let_go(agent, client, resources);
        if !part.is_empty() {
            self.agents[agent].give_back(&part);
            self.mark(agent);
        }
    }

    /// Withholds resources of an agent from a client; to be called before they are released.
    fn refuse(&mut self, agent: Index<Agent>, client: Index<Client>, resources: &Resources, time: Duration) {
        if resources.is_empty() {
            return;
        }
        let (now, interval) = (self.now, self.options.allocation_interval);
        self.tree.clients[client].refused.insert(agent);
        self.agents[agent].refusals.get_or_default(client);
        self.change_refusals(agent, client, |refusals| refusals.refuse(now, resources, time, interval));
    }

    /// Changes what a client refused of an agent, if there is anything, and keeps track of when it ends.
    pub(crate) fn change_refusals(
        &mut self,
        agent: Index<Agent>,
        client: Index<Client>,
        change: impl FnOnce(&mut Refusals),
    ) {
        let entry = &mut self.agents[agent];
        let Some(refusals) = entry.refusals.get_mut(&client) else { return };
        if let Some(end) = refusals.next_end() {
            self.refusal_ends.remove(&(end, agent, client));
        }
        change(refusals);
        if let Some(end) = refusals.next_end() {
            self.refusal_ends.insert((end, agent, client));
        } else {
            entry.refusals.remove(&client);
            self.tree.clients[client].refused.remove(&agent);
        }
    }
}

/// The amounts that count to a share. Copies of a shared resource that are `held` besides count already.
pub(crate) fn counted(names: &mut Names, resources: &Resources, held: Option<&Resources>) -> Quantities {
    let mut quantities = Quantities::default();
    for resource in resources {
        let counts_already =
            resource.is_shared() && held.is_some_and(|held| held.iter().any(|it| it == resource));
        if let Some(amount) = resource.scalar().filter(|_| !counts_already)
            && let Some(name) = names.intern_resource(resource.resource_name())
        {
            quantities.add_amount(name, i128::from(amount.thousandths()));
        }
    }
    quantities
}
