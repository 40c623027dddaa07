//! Quota: what a role is guaranteed, and what it may have at the most.
//!
//! A role *consumes* all that is reserved to it or below it, used or not, and what of the unreserved is offered to or
//! used there, unless it can be revoked. Only scalars count, and only roles at the top have quota.
//!
//! - A *limit* cuts offers so that consumption stays within it.
//! - A *guarantee* that is not met yet is held back as *headroom*: others are offered only what is free beyond it. Roles
//!   that it is held back for are asked first.
//!
//! What is withheld on one agent may become free by what happens on any other. To look at all agents whenever something
//! ends would be a lot of work; so they are looked at again an allocation interval later. The agent itself is looked at
//! at once, as always. Without any quota nothing of this costs anything.

use std::collections::BTreeMap;

use tepui_types::{Resource, Resources, Scalar, Time};

use crate::agent::{Agent, Attention};
use crate::allocator::{Allocation, Allocator};
use crate::cycle::{in_order, satisfies};
use crate::quantities::{Name, Names, Quantities};
use crate::slab::Index;
use crate::tree::{Client, Queue};

/// The quota of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// What is kept for it.
    pub guarantees: BTreeMap<String, Scalar>,
    /// What it cannot exceed. What is not named here is not limited.
    pub limits: BTreeMap<String, Scalar>,
}

/// A quota under interned names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Terms {
    guarantees: Quantities,
    limits: BTreeMap<Name, i128>,
}

/// All quotas, and how far they are used up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotaBook {
    terms: BTreeMap<String, Terms>,
    /// By role at the top, with or without quota.
    consumed: BTreeMap<String, Quantities>,
    /// What is unreserved and not revocable, and neither offered nor used.
    free: Quantities,
    /// What must be kept free for all roles: what each is still to get of its guarantees.
    required: Quantities,
    /// When all agents are to be looked at again, because less is withheld than before.
    pub(crate) look_again: Option<Time>,
}

/// What an agent adds to the book by what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotaTotals {
    unreserved: Quantities,
    reserved: BTreeMap<String, Quantities>,
}

/// Whom a look at an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Those whose guarantees are not met.
    Guarantees,
    /// All.
    Rest,
}

impl QuotaBook {
    /// What is guaranteed to a role and not consumed yet.
    fn unmet(&self, role: &str) -> Quantities {
        let Some(terms) = self.terms.get(role) else { return Quantities::default() };
        let nothing = Quantities::default();
        terms.guarantees.beyond(self.consumed.get(role).unwrap_or(&nothing))
    }

    /// Changes something that one role's unmet guarantees follow from.
    fn change(&mut self, role: &str, change: impl FnOnce(&mut Self)) {
        let before = self.unmet(role);
        change(self);
        let after = self.unmet(role);
        if before != after {
            self.required.subtract(&before);
            self.required.add(&after);
        }
    }

    fn set_terms(&mut self, role: &str, terms: Option<Terms>) {
        self.change(role, |book| match terms {
            Some(terms) => drop(book.terms.insert(role.to_owned(), terms)),
            None => drop(book.terms.remove(role)),
        });
    }

    fn consume(&mut self, role: &str, more: &Quantities) {
        self.change(role, |book| match book.consumed.get_mut(role) {
            Some(consumed) => consumed.add(more),
            None => drop(book.consumed.insert(role.to_owned(), more.clone())),
        });
    }

    fn release(&mut self, role: &str, less: &Quantities) {
        self.change(role, |book| {
            if let Some(consumed) = book.consumed.get_mut(role) {
                consumed.subtract(less);
                if *consumed == Quantities::default() {
                    book.consumed.remove(role);
                }
            }
        });
    }

    fn add_totals(&mut self, totals: &QuotaTotals) {
        self.free.add(&totals.unreserved);
        for (role, reserved) in &totals.reserved {
            self.consume(role, reserved);
        }
    }

    fn remove_totals(&mut self, totals: &QuotaTotals) {
        self.free.subtract(&totals.unreserved);
        for (role, reserved) in &totals.reserved {
            self.release(role, reserved);
        }
    }
}

impl Allocator {
    /// Sets the quota of a role at the top, or removes it. What is offered already stays so.
    pub fn set_quota(&mut self, role: &str, quota: Option<&Quota>) {
        if role.contains('/') {
            return;
        }
        let terms = quota.map(|quota| Terms::new(quota, &mut self.tree.names));
        let terms = terms.filter(|terms| *terms != Terms::default());
        if self.quota.is_none() && terms.is_some() {
            self.quota = Some(Box::default());
            self.count_quota();
        }
        if let Some(book) = &mut self.quota {
            book.set_terms(role, terms);
            if book.terms.is_empty() {
                self.quota = None;
            }
        }
        for agent in self.offerable.clone() {
            self.mark(agent);
        }
    }

    /// Counts all that is consumed and free anew.
    fn count_quota(&mut self) {
        for agent in self.agents.indexes() {
            self.agents[agent].quota_totals = None;
            self.count_quota_totals(agent);
            for (client, held) in self.agents[agent].held.clone() {
                self.count_quota_held(client, &held, &Resources::new());
            }
        }
    }

    /// Takes note of what an agent has now.
    pub(crate) fn count_quota_totals(&mut self, agent: Index<Agent>) {
        let Some(book) = &mut self.quota else { return };
        let entry = &mut self.agents[agent];
        if let Some(before) = entry.quota_totals.take() {
            book.remove_totals(&before);
        }
        let totals = QuotaTotals::new(&entry.description.total, &mut self.tree.names);
        book.add_totals(&totals);
        entry.quota_totals = Some(Box::new(totals));
        self.look_again_later();
    }

    /// Takes note that an agent is gone; what was held of it was let go.
    pub(crate) fn forget_quota_totals(&mut self, totals: Option<&QuotaTotals>) {
        if let (Some(book), Some(totals)) = (&mut self.quota, totals) {
            book.remove_totals(totals);
            self.look_again_later();
        }
    }

    /// Takes note of what a client holds more or less.
    pub(crate) fn count_quota_held(&mut self, client: Index<Client>, more: &Resources, less: &Resources) {
        let Some(book) = &mut self.quota else { return };
        let path = &self.tree.roles[self.tree.clients[client].role].path;
        let role = top(path);
        let more = unreserved(more, &mut self.tree.names);
        book.consume(role, &more);
        book.free.subtract(&more);
        let less = unreserved(less, &mut self.tree.names);
        if less != Quantities::default() {
            book.release(role, &less);
            book.free.add(&less);
            self.look_again_later();
        }
    }

    /// Lets all agents be looked at in a while.
    fn look_again_later(&mut self) {
        let later = self.now + self.options.allocation_interval;
        if let Some(book) = &mut self.quota {
            book.look_again.get_or_insert(later);
        }
    }

    /// Marks all agents if it is time to look at what quota withheld.
    pub(crate) fn look_again_for_quota(&mut self) {
        let now = self.now;
        let Some(book) = &mut self.quota else { return };
        if book.look_again.is_none_or(|at| at > now) {
            return;
        }
        book.look_again = None;
        for agent in self.offerable.clone() {
            self.mark(agent);
        }
    }

    /// As a visit without quota: shares what an agent has, and tells how much work that was.
    pub(crate) fn visit_with_quota(
        &mut self,
        agent: Index<Agent>,
        attention: &Attention,
        out: &mut Vec<Allocation>,
    ) -> usize {
        let listed = match attention {
            Attention::Some(clients) => in_order(&self.tree, clients.clone()),
            Attention::None | Attention::Hungry | Attention::All => Vec::new(),
        };
        let mut work = 0;
        for stage in [Stage::Guarantees, Stage::Rest] {
            let is_due = stage == Stage::Rest
                || self.quota.as_ref().is_some_and(|book| book.required != Quantities::default());
            let mut asked = 0;
            while is_due && self.agents[agent].is_offerable() {
                let clients: &mut dyn Iterator<Item = Index<Client>> = match attention {
                    Attention::None => &mut std::iter::empty(),
                    Attention::Some(_) => &mut listed.iter().copied(),
                    Attention::Hungry => &mut self.tree.in_order(Queue::Hungry),
                    Attention::All => &mut self.tree.in_order(Queue::All),
                };
                // An allocation moves nobody before the next visit, so the order is still that of before.
                let mut rest = clients.skip(asked).inspect(|_| asked += 1);
                let found = rest.find_map(|client| {
                    self.offer_within_quota(agent, client, stage).map(|offer| (client, offer))
                });
                let Some((client, offer)) = found else { break };
                let end = self.now + self.options.allocation_interval;
                self.agents[agent].take_offer(&offer, end);
                self.give(agent, client, offer, out);
            }
            work += asked;
        }
        work
    }

    /// What a client would be offered of an agent, if anything.
    pub(crate) fn would_offer(&self, agent: Index<Agent>, client: Index<Client>) -> Option<Resources> {
        if self.quota.is_none() {
            return self.agents[agent].offer_for(client, &self.tree, &self.options);
        }
        let guaranteed = self.offer_within_quota(agent, client, Stage::Guarantees);
        guaranteed.or_else(|| self.offer_within_quota(agent, client, Stage::Rest))
    }

    fn offer_within_quota(
        &self,
        agent: Index<Agent>,
        client: Index<Client>,
        stage: Stage,
    ) -> Option<Resources> {
        let (host, entry, book) = (&self.agents[agent], &self.tree.clients[client], self.quota.as_ref()?);
        let role = &self.tree.roles[entry.role].path;
        let unmet = book.unmet(top(role));
        if (stage == Stage::Guarantees && unmet == Quantities::default())
            || !host.suits(entry, role, self.options.filter_gpu_resources)
        {
            return None;
        }
        let candidate = host.candidate(entry, role, client);
        let plain = candidate.filter(counts);
        let mut offer = candidate.filter(|resource| !counts(resource));
        let names = &self.tree.names;
        let guaranteed = match stage {
            Stage::Guarantees => {
                shrink(&plain, |name| Some(names.find(name).map_or(0, |name| unmet.amount(name))))
            }
            Stage::Rest => Resources::new(),
        };
        if stage == Stage::Guarantees && guaranteed.is_empty() {
            return None;
        }
        offer += &guaranteed;
        offer += &self.additional(top(role), &(&plain - &guaranteed), &guaranteed);
        let minimum = entry.min_allocatable.as_ref().unwrap_or(&self.options.min_allocatable);
        let is_wanted = !offer.is_empty()
            && satisfies(minimum, &offer)
            && !host.refusals.get(&client).is_some_and(|refusals| refusals.block(&offer));
        is_wanted.then_some(offer)
    }

    /// What a role may have beside what it is guaranteed: within its limits, and beyond the headroom of all.
    fn additional(&self, role: &str, plain: &Resources, guaranteed: &Resources) -> Resources {
        let Some(book) = &self.quota else { return plain.clone() };
        let names = &self.tree.names;
        let mut additional = plain.clone();
        if let Some(terms) = book.terms.get(role) {
            additional = shrink(&additional, |text| {
                let name = names.find(text)?;
                let consumed = book.consumed.get(role).map_or(0, |consumed| consumed.amount(name));
                Some(terms.limits.get(&name)? - consumed - amount_of(guaranteed, text))
            });
        }
        if book.required == Quantities::default() {
            return additional;
        }
        shrink(&additional, |text| {
            let name = names.find(text)?;
            Some(book.free.amount(name) - book.required.amount(name))
        })
    }

    /// Panics if what is counted for quota is not what is there.
    pub(crate) fn check_quota(&self) {
        let Some(book) = &self.quota else { return };
        let mut names = self.tree.names.clone();
        let mut expected = QuotaBook { look_again: book.look_again, ..QuotaBook::default() };
        for (_, agent) in self.agents.iter() {
            let totals = QuotaTotals::new(&agent.description.total, &mut names);
            assert_eq!(agent.quota_totals.as_deref(), Some(&totals), "{}: its totals are counted", agent.id);
            expected.add_totals(&totals);
            for (client, held) in agent.held.iter() {
                let role = top(&self.tree.roles[self.tree.clients[*client].role].path);
                let held = unreserved(held, &mut names);
                expected.consume(role, &held);
                expected.free.subtract(&held);
            }
        }
        for (role, terms) in &book.terms {
            expected
                .required
                .add(&terms.guarantees.beyond(expected.consumed.get(role).unwrap_or(&Quantities::default())));
        }
        expected.terms.clone_from(&book.terms);
        expected.consumed.retain(|_, consumed| *consumed != Quantities::default());
        let mut counted = (**book).clone();
        counted.consumed.retain(|_, consumed| *consumed != Quantities::default());
        assert_eq!(counted, expected, "what is consumed and free is counted");
    }

    /// What a role consumes, and what is free beyond all headroom, if there is any, of a resource: for tests.
    #[cfg(test)]
    pub(crate) fn quota_state(&self, role: &str, resource: &str) -> (i128, i128) {
        let (Some(book), Some(name)) = (&self.quota, self.tree.names.find(resource)) else { return (0, 0) };
        let consumed = book.consumed.get(role).map_or(0, |consumed| consumed.amount(name));
        let spare = match book.required.amount(name) {
            0 => i128::MAX,
            required => book.free.amount(name) - required,
        };
        (consumed, spare)
    }
}

impl Terms {
    fn new(quota: &Quota, names: &mut Names) -> Self {
        let mut terms = Self::default();
        for (text, amount) in &quota.guarantees {
            if let Some(name) = names.intern(text) {
                terms.guarantees.add_amount(name, i128::from(amount.thousandths().max(0)));
            }
        }
        for (text, amount) in &quota.limits {
            if let Some(name) = names.intern(text) {
                terms.limits.insert(name, i128::from(amount.thousandths().max(0)));
            }
        }
        terms
    }
}

impl QuotaTotals {
    fn new(total: &Resources, names: &mut Names) -> Self {
        let mut totals = Self { unreserved: unreserved(total, names), ..Self::default() };
        for resource in total.iter().filter(|resource| !resource.is_revocable()) {
            if let (Some(role), Some(amount)) = (resource.reservation_role(), resource.scalar())
                && let Some(name) = names.intern(resource.name())
            {
                let reserved = totals.reserved.entry(top(role).to_owned()).or_default();
                reserved.add_amount(name, i128::from(amount.thousandths()));
            }
        }
        totals
    }
}

/// The role at the top of a path.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Whether a resource counts when it is offered or used.
fn counts(resource: &Resource) -> bool {
    resource.scalar().is_some() && resource.is_unreserved() && !resource.is_revocable()
}

fn unreserved(resources: &Resources, names: &mut Names) -> Quantities {
    let mut quantities = Quantities::default();
    for resource in resources.iter().filter(|resource| counts(resource)) {
        if let (Some(amount), Some(name)) = (resource.scalar(), names.intern(resource.name())) {
            quantities.add_amount(name, i128::from(amount.thousandths()));
        }
    }
    quantities
}

fn amount_of(resources: &Resources, name: &str) -> i128 {
    let amounts = resources.iter().filter(|resource| resource.name() == name).filter_map(Resource::scalar);
    amounts.map(|amount| i128::from(amount.thousandths())).sum()
}

/// As much of the resources as is allowed of each name; without a number, all. What cannot be cut is left out whole.
fn shrink(resources: &Resources, allowed: impl Fn(&str) -> Option<i128>) -> Resources {
    let mut shrunk = Resources::new();
    for resource in resources {
        let Some(allowed) = allowed(resource.name()) else {
            shrunk += resource.clone();
            continue;
        };
        let left = allowed - amount_of(&shrunk, resource.name());
        let left = Scalar::from_thousandths(i64::try_from(left.max(0)).unwrap_or(i64::MAX));
        let mut part = resource.clone();
        if left > Scalar::ZERO && (part.scalar().is_none_or(|amount| amount <= left) || part.shrink(left)) {
            shrunk += part;
        }
    }
    shrunk
}
