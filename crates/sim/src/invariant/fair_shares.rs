//! Shares are fair: unreserved resources go to a client only if no other client that wants everything has a smaller
//! share, at the level of the tree of roles where the two part.
//!
//! The allocator measures shares against totals that may be off by one part in 64, so much is allowed. Who never declines
//! wants everything; only such frameworks are compared with, because nobody here knows what others refuse. While one does
//! not read its events it is offered nothing, so it wants nothing then.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::{Change, FrameworkEntity};
use tepui_proto::v1;
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resource, Resources, Scalar, TaskId};

/// How much smaller than it is a share may seem, over how much larger another.
const TOLERANCE: f64 = 65.0 / 63.0;

/// Amounts by name.
type Amounts = BTreeMap<String, Scalar>;

/// Who holds a part of an agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Offer(OfferId),
    Task(FrameworkId, TaskId),
    Executor(FrameworkId, AgentId, ExecutorId),
}

/// A framework in a role.
type Client = (FrameworkId, String);

/// A fold of the journal of its own.
#[derive(Debug, Default)]
pub(crate) struct FairShares {
    greedy: BTreeSet<FrameworkId>,
    /// Those that do not read what they are sent.
    behind: BTreeSet<FrameworkId>,
    /// The clients of greedy frameworks that get offers.
    wanting: BTreeMap<FrameworkId, BTreeSet<String>>,
    totals: BTreeMap<AgentId, Amounts>,
    held: BTreeMap<Holder, (Client, Amounts)>,
    /// Copies of shared volumes count in ways that this fold does not follow.
    has_shared: bool,
}

impl FairShares {
    /// This framework takes all that it is offered.
    pub(crate) fn greedy(&mut self, framework: FrameworkId) {
        self.greedy.insert(framework);
    }

    /// This framework reads its events, or does not.
    pub(crate) fn reads(&mut self, framework: &FrameworkId, reads: bool) {
        if reads {
            self.behind.remove(framework);
        } else {
            self.behind.insert(framework.clone());
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is not about shares")]
    pub(crate) fn changed(&mut self, change: &Change) {
        match change {
            Change::AgentAdded(agent) | Change::AgentUpdated(agent) => {
                self.has_shared |= !agent.total.shared().is_empty();
                self.totals.insert(agent.id.clone(), amounts(&agent.total.to_protos()));
            }
            Change::AgentRemoved { id, .. } => drop(self.totals.remove(id)),
            Change::FrameworkAdded(entity) | Change::FrameworkUpdated(entity) => self.describe(entity),
            Change::FrameworkCompleted { id, .. } => drop(self.wanting.remove(id)),
            Change::TaskAdded { framework, id, task, .. } => {
                let holder = Holder::Task(framework.clone(), id.clone());
                if !tepui_types::is_terminal(task.state()) {
                    self.hold(holder, framework.clone(), &task.resources);
                }
            }
            Change::TaskUpdated { framework, task, freed: Some(_), .. }
            | Change::TaskRemoved { framework, task, .. } => {
                self.held.remove(&Holder::Task(framework.clone(), task.clone()));
            }
            Change::ExecutorAdded { agent, framework, info } => {
                let id = ExecutorId::from(&info.executor_id);
                let holder = Holder::Executor(framework.clone(), agent.clone(), id);
                self.hold(holder, framework.clone(), &info.resources);
            }
            Change::ExecutorRemoved { agent, framework, executor } => {
                self.held.remove(&Holder::Executor(framework.clone(), agent.clone(), executor.clone()));
            }
            Change::OfferAdded(offer) => {
                let client = (offer.framework.clone(), offer.role.as_ref().to_owned());
                let resources = offer.resources.to_protos();
                self.check(&client, offer.agent.as_str(), &resources);
                self.hold(Holder::Offer(offer.id.clone()), client.0, &resources);
            }
            Change::OfferRemoved(id) => drop(self.held.remove(&Holder::Offer(id.clone()))),
            _ => {}
        }
    }

    fn describe(&mut self, entity: &FrameworkEntity) {
        let Some(id) = entity.info.id.as_ref().map(FrameworkId::from) else { return };
        if !self.greedy.contains(&id) {
            return;
        }
        let wanted = entity.info.roles.iter().filter(|role| !entity.suppressed_roles.contains(role));
        let roles = if entity.active { wanted.cloned().collect() } else { BTreeSet::new() };
        self.wanting.insert(id, roles);
    }

    fn hold(&mut self, holder: Holder, framework: FrameworkId, resources: &[v1::Resource]) {
        let role = resources.iter().find_map(|it| it.allocation_info.as_ref()?.role.clone());
        let client = (framework, role.unwrap_or_else(|| "*".to_owned()));
        self.held.insert(holder, (client, amounts(resources)));
    }

    /// Something is offered to a client, before it counts.
    fn check(&self, to: &Client, agent: &str, resources: &[v1::Resource]) {
        let free: Resources = resources.iter().filter_map(|it| Resource::from_proto(it).ok()).collect();
        let free = free.unreserved();
        let is_enough = |name: &str, least: i64| {
            free.named(name)
                .iter()
                .filter_map(Resource::scalar)
                .any(|it| it >= Scalar::from_thousandths(least))
        };
        if self.has_shared || !(is_enough("cpus", 10) || is_enough("mem", 32_000)) {
            return;
        }
        for (framework, roles) in
            self.wanting.iter().filter(|(framework, _)| !self.behind.contains(*framework))
        {
            for role in roles {
                let other = (framework.clone(), role.clone());
                if other == *to {
                    continue;
                }
                let (ours, theirs) = self.shares(to, &other);
                assert!(
                    ours <= theirs * TOLERANCE + 1e-9,
                    "{} in role {} holds {ours:.4} of the cluster and is offered {free} of {agent}; {} in role {} wants \
                     it, and holds only {theirs:.4}: {:?} of {:?}",
                    to.0,
                    to.1,
                    other.0,
                    other.1,
                    self.held,
                    self.totals
                );
            }
        }
    }

    /// The shares of two clients where they part.
    fn shares(&self, left: &Client, right: &Client) -> (f64, f64) {
        if left.1 == right.1 {
            let of =
                |client: &Client| self.share(|(framework, role)| *framework == client.0 && *role == client.1);
            return (of(left), of(right));
        }
        let common =
            left.1.split('/').zip(right.1.split('/')).take_while(|(left, right)| left == right).count();
        let of = |client: &Client| {
            let path: Vec<&str> = client.1.split('/').take(common + 1).collect();
            let path = path.join("/");
            // A role that is above the other competes as its own clients do.
            let is_leaf = client.1.split('/').count() == common;
            self.share(|(_, role)| {
                *role == path
                    || (!is_leaf
                        && role.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')))
            })
        };
        (of(left), of(right))
    }

    /// The dominant share of all clients for which this holds.
    fn share(&self, holds: impl Fn(&Client) -> bool) -> f64 {
        let mut sum = Amounts::new();
        for (_, amounts) in self.held.values().filter(|(client, _)| holds(client)) {
            add(&mut sum, amounts);
        }
        let mut totals = Amounts::new();
        for amounts in self.totals.values() {
            add(&mut totals, amounts);
        }
        let part = |(name, amount): (&String, &Scalar)| {
            let total = totals.get(name).map_or(0.0, |total| total.as_f64());
            if total > 0.0 { amount.as_f64() / total } else { 0.0 }
        };
        sum.iter().map(part).fold(0.0, f64::max)
    }
}

fn add(sum: &mut Amounts, amounts: &Amounts) {
    for (name, amount) in amounts {
        *sum.entry(name.clone()).or_default() += *amount;
    }
}

fn amounts(resources: &[v1::Resource]) -> Amounts {
    let mut amounts = Amounts::new();
    for resource in resources {
        if let Some(scalar) = &resource.scalar {
            *amounts.entry(resource.name.clone()).or_default() += Scalar::from(scalar);
        }
    }
    amounts
}
