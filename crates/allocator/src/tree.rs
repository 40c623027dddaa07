//! The sorter: roles as a tree, the frameworks of each role below it, each level ordered by weighted dominant share.
//!
//! A *client* is one framework in one role. What a client holds counts to its role and to all roles above. Who is next
//! is found by walking down the least shares ([`Tree::in_order`]). A role that has clients of its own competes with
//! its children through [`Branch::Own`], as Mesos' virtual leaf `.` does.
//!
//! Two queues are kept in this order: all clients that want offers, and the few that have just begun to want them and
//! have not yet seen what is free.
//!
//! The random sorter (`--role_sorter=random`) walks the same way. In place of a share, each place has the time at which
//! it comes next in a race: who was given something comes again after an exponentially distributed time, the sooner the
//! heavier it is. So who comes next is as random as if all were drawn anew each time, and only one place changes.
//!
//! Keys are cached in ordered sets and renewed for a client when what it holds changes. They are measured against a
//! copy of the cluster's totals that follows the real ones with a little slack ([`Tree::settle`]), because each
//! admitted agent changes every share by a little.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, btree_set};
use std::sync::Arc;

use tepui_types::ResourceQuantities;

use crate::agent::Agent;
use crate::constraints::RoleConstraints;
use crate::framework::{Framework, FrameworkCapabilities};
use crate::options::Sorter;
use crate::quantities::{Names, Quantities};
use crate::slab::{Index, Slab};

/// Shares are measured anew when a total moved by one part in this many.
const DRIFT_PARTS: i128 = 64;

/// Which clients to walk through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// All that want offers.
    All,
    /// Those that have not yet seen what is free.
    Hungry,
}

const QUEUES: [Queue; 2] = [Queue::All, Queue::Hungry];

/// The place among siblings: least weighted share (or next in the race), then fewest allocations, then the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The bits of a non-negative float, which are ordered like the float.
    share: u64,
    allocations: u64,
    name: Arc<str>,
}

/// What is held by a client or below a role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) quantities: Quantities,
    allocations: u64,
    /// When it comes next in the race of its siblings; `None` if shares decide.
    arrival: Option<f64>,
}

impl Usage {
    fn key(&self, name: &Arc<str>, weight: f64, measured: &Quantities, names: &Names) -> Key {
        let share = match self.arrival {
            None => self.quantities.dominant_share(measured, names) / weight,
            Some(arrival) => arrival,
        };
        Key { share: share.to_bits(), allocations: self.allocations, name: Arc::clone(name) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Branch {
    /// The clients of the role itself.
    Own,
    /// A role below.
    Child(Index<Role>),
}

#[derive(Debug, Default)]
struct Order {
    branches: BTreeSet<(Key, Branch)>,
    clients: BTreeSet<(Key, Index<Client>)>,
}

/// A role that has clients, or is above one that has.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) path: Arc<str>,
    parent: Option<Index<Self>>,
    weight: f64,
    /// All that is held in this role and below.
    pub(crate) subtree: Usage,
    /// What its own clients hold.
    pub(crate) own: Usage,
    key: Key,
    own_key: Key,
    /// How many clients it has, and how many roles are directly below.
    pub(crate) clients: usize,
    pub(crate) children: usize,
    /// How far the races of its clients and of its branches are.
    client_race: f64,
    branch_race: f64,
    orders: [Order; 2],
}

/// A framework in a role.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) framework: Index<Framework>,
    pub(crate) role: Index<Role>,
    /// Whether the framework has the role now; if not, the client is here only because it still holds something.
    pub(crate) subscribed: bool,
    pub(crate) suppressed: bool,
    /// The framework's, kept here because every visit looks at them.
    pub(crate) capabilities: FrameworkCapabilities,
    /// What an offer must hold at the least, if not the allocator's default.
    pub(crate) min_allocatable: Option<Vec<ResourceQuantities>>,
    /// What agents must be like.
    pub(crate) constraints: Option<RoleConstraints>,
    pub(crate) usage: Usage,
    /// Agents on which it holds something.
    pub(crate) agents: BTreeSet<Index<Agent>>,
    /// Agents of which it refused something.
    pub(crate) refused: BTreeSet<Index<Agent>>,
    key: Key,
    is_stale: bool,
    listed: [bool; 2],
}

impl Client {
    /// Whether it is in a queue.
    pub(crate) fn is_listed(&self, queue: Queue) -> bool {
        self.listed[queue as usize]
    }
}

/// The roles and clients, in order.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) roles: Slab<Role>,
    pub(crate) clients: Slab<Client>,
    root: Index<Role>,
    by_path: BTreeMap<Arc<str>, Index<Role>>,
    weights: BTreeMap<String, f64>,
    pub(crate) names: Names,
    /// All that the agents have.
    pub(crate) totals: Quantities,
    /// The totals that keys are measured against.
    measured: Quantities,
    /// Clients whose keys are to be renewed; each says so itself, too.
    stale: Vec<Index<Client>>,
    listed: [usize; 2],
    /// Draws the times of the race, if that decides.
    race: Option<fastrand::Rng>,
}

impl Tree {
    pub(crate) fn new(excluded: Vec<String>, sorter: Sorter, seed: u64) -> Self {
        let names = Names::new(excluded);
        let totals = Quantities::default();
        let mut roles = Slab::default();
        let root = roles.insert(Role::new("", "", None, 1.0, &totals, &names));
        Self {
            roles,
            clients: Slab::default(),
            root,
            by_path: BTreeMap::new(),
            weights: BTreeMap::new(),
            names,
            measured: totals.clone(),
            totals,
            stale: Vec::new(),
            listed: [0; 2],
            race: (sorter == Sorter::Random).then(|| fastrand::Rng::with_seed(seed)),
        }
    }

    /// Adds a client, inactive and holding nothing.
    pub(crate) fn add_client(&mut self, framework: Index<Framework>, id: &str, role: &str) -> Index<Client> {
        let role = self.ensure_role(role);
        self.roles[role].clients += 1;
        let arrival = self.arrival(self.roles[role].client_race, 1.0);
        let usage = Usage { arrival, ..Usage::default() };
        let key = usage.key(&Arc::from(id), 1.0, &self.measured, &self.names);
        self.clients.insert(Client {
            framework,
            role,
            subscribed: false,
            suppressed: false,
            capabilities: FrameworkCapabilities::default(),
            min_allocatable: None,
            constraints: None,
            usage,
            agents: BTreeSet::new(),
            refused: BTreeSet::new(),
            key,
            is_stale: false,
            listed: [false; 2],
        })
    }

    /// Removes a client that holds nothing and refuses nothing, and the roles that only it needed.
    pub(crate) fn remove_client(&mut self, client: Index<Client>) {
        // What it held until now still counts in the places of the roles above it.
        if self.clients[client].is_stale {
            self.stale.retain(|stale| *stale != client);
            self.renew(client);
        }
        for queue in QUEUES {
            self.delist(queue, client);
        }
        let Some(removed) = self.clients.remove(client) else { return };
        let mut role = removed.role;
        self.roles[role].clients -= 1;
        while let Some(parent) = self.roles[role].parent {
            if self.roles[role].clients > 0 || self.roles[role].children > 0 {
                return;
            }
            self.by_path.remove(&self.roles[role].path);
            self.roles.remove(role);
            self.roles[parent].children -= 1;
            role = parent;
        }
    }

    /// Finds a role by its path, making it and those above as needed.
    fn ensure_role(&mut self, path: &str) -> Index<Role> {
        let mut parent = self.root;
        let ends = path.match_indices('/').map(|(slash, _)| slash).chain([path.len()]);
        for end in ends {
            let prefix = &path[..end];
            parent = if let Some(role) = self.by_path.get(prefix) {
                *role
            } else {
                let name = prefix.rsplit('/').next().unwrap_or(prefix);
                let weight = self.weights.get(prefix).copied().unwrap_or(1.0);
                let mut role = Role::new(prefix, name, Some(parent), weight, &self.measured, &self.names);
                role.subtree.arrival = self.arrival(self.roles[parent].branch_race, weight);
                role.own.arrival = self.arrival(0.0, 1.0);
                role.key = role.subtree.key(&role.key.name, weight, &self.measured, &self.names);
                role.own_key = role.own.key(&role.own_key.name, 1.0, &self.measured, &self.names);
                let role = self.roles.insert(role);
                self.roles[parent].children += 1;
                self.by_path.insert(Arc::clone(&self.roles[role].path), role);
                role
            };
        }
        parent
    }

    /// Sets the weight of a role, present or future.
    pub(crate) fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.to_owned(), weight);
        if let Some(role) = self.by_path.get(path).copied() {
            self.roles[role].weight = weight;
            let so_far = self.roles[role].parent.map_or(0.0, |parent| self.roles[parent].branch_race);
            self.roles[role].subtree.arrival = self.arrival(so_far, weight);
            self.renew_role(role);
        }
    }

    /// Puts a client into a queue.
    pub(crate) fn enlist(&mut self, queue: Queue, client: Index<Client>) {
        let entry = &mut self.clients[client];
        if std::mem::replace(&mut entry.listed[queue as usize], true) {
            return;
        }
        self.listed[queue as usize] += 1;
        let mut role = entry.role;
        let place = &mut self.roles[role];
        let order = &mut place.orders[queue as usize];
        order.clients.insert((entry.key.clone(), client));
        let mut branch = (place.own_key.clone(), Branch::Own);
        loop {
            let branches = &mut self.roles[role].orders[queue as usize].branches;
            let was_listed = !branches.is_empty();
            branches.insert(branch);
            let Some(parent) = self.roles[role].parent.filter(|_| !was_listed) else { return };
            branch = (self.roles[role].key.clone(), Branch::Child(role));
            role = parent;
        }
    }

    /// Takes a client out of a queue.
    pub(crate) fn delist(&mut self, queue: Queue, client: Index<Client>) {
        let entry = &mut self.clients[client];
        if !std::mem::replace(&mut entry.listed[queue as usize], false) {
            return;
        }
        self.listed[queue as usize] -= 1;
        let mut role = entry.role;
        let place = &mut self.roles[role];
        let order = &mut place.orders[queue as usize];
        order.clients.remove(&(entry.key.clone(), client));
        if !order.clients.is_empty() {
            return;
        }
        let mut branch = (place.own_key.clone(), Branch::Own);
        loop {
            let branches = &mut self.roles[role].orders[queue as usize].branches;
            branches.remove(&branch);
            let is_listed = !branches.is_empty();
            let Some(parent) = self.roles[role].parent.filter(|_| !is_listed) else { return };
            branch = (self.roles[role].key.clone(), Branch::Child(role));
            role = parent;
        }
    }

    /// How many clients are in a queue.
    pub(crate) fn len(&self, queue: Queue) -> usize {
        self.listed[queue as usize]
    }

    /// Empties the queue of the hungry.
    pub(crate) fn sate(&mut self) {
        if self.len(Queue::Hungry) == 0 {
            return;
        }
        while let Some(client) = { self.in_order(Queue::Hungry).next() } {
            self.delist(Queue::Hungry, client);
        }
    }

    /// The clients of a queue, those with the least share first.
    pub(crate) fn in_order(&self, queue: Queue) -> InOrder<'_> {
        let branches = self.roles[self.root].orders[queue as usize].branches.iter();
        InOrder { tree: self, queue, branches: vec![(self.root, branches)], clients: None }
    }

    /// Which of two clients comes first.
    pub(crate) fn compare(&self, left: Index<Client>, right: Index<Client>) -> Ordering {
        let (left_path, right_path) = (self.keys_from_root(left), self.keys_from_root(right));
        left_path.cmp(&right_path)
    }

    fn keys_from_root(&self, client: Index<Client>) -> Vec<&Key> {
        let client = &self.clients[client];
        let mut keys = vec![&client.key, &self.roles[client.role].own_key];
        let mut role = &self.roles[client.role];
        while let Some(parent) = role.parent {
            keys.push(&role.key);
            role = &self.roles[parent];
        }
        keys.reverse();
        keys
    }

    /// Counts an allocation to a client. Its place is renewed by the next [`Tree::settle_stale`].
    pub(crate) fn count_allocation(&mut self, client: Index<Client>) {
        self.for_each_usage(client, |usage| usage.allocations += 1);
        if self.race.is_some() {
            self.race_on(client);
        }
    }

    /// When someone of this weight comes next in a race that is so far.
    fn arrival(&mut self, so_far: f64, weight: f64) -> Option<f64> {
        self.race.as_mut().map(|random| so_far - (1.0 - random.f64()).ln() / weight)
    }

    /// Lets a client and the roles above it run for their next turn.
    fn race_on(&mut self, client: Index<Client>) {
        let mut role = self.clients[client].role;
        let so_far = self.roles[role].client_race.max(self.clients[client].usage.arrival.unwrap_or(0.0));
        self.roles[role].client_race = so_far;
        self.clients[client].usage.arrival = self.arrival(so_far, 1.0);
        let so_far = self.roles[role].branch_race.max(self.roles[role].own.arrival.unwrap_or(0.0));
        self.roles[role].branch_race = so_far;
        self.roles[role].own.arrival = self.arrival(so_far, 1.0);
        while let Some(parent) = self.roles[role].parent {
            let so_far = self.roles[parent].branch_race.max(self.roles[role].subtree.arrival.unwrap_or(0.0));
            self.roles[parent].branch_race = so_far;
            self.roles[role].subtree.arrival = self.arrival(so_far, self.roles[role].weight);
            role = parent;
        }
    }

    /// Changes what a client holds. Its place is renewed by the next [`Tree::settle_stale`].
    pub(crate) fn charge(&mut self, client: Index<Client>, more: &Quantities, less: &Quantities) {
        self.for_each_usage(client, |usage| {
            usage.quantities.add(more);
            usage.quantities.subtract(less);
        });
    }

    fn for_each_usage(&mut self, client: Index<Client>, mut change: impl FnMut(&mut Usage)) {
        let entry = &mut self.clients[client];
        if !std::mem::replace(&mut entry.is_stale, true) {
            self.stale.push(client);
        }
        change(&mut entry.usage);
        change(&mut self.roles[entry.role].own);
        let mut next = Some(entry.role);
        while let Some(role) = next {
            change(&mut self.roles[role].subtree);
            next = self.roles[role].parent;
        }
    }

    /// Brings all keys up to date.
    pub(crate) fn settle(&mut self) {
        if self.totals.drifted_from(&self.measured, DRIFT_PARTS) {
            self.measure();
        }
        self.settle_stale();
    }

    /// Brings the keys of those up to date who got or lost something.
    pub(crate) fn settle_stale(&mut self) {
        while let Some(client) = self.stale.pop() {
            self.renew(client);
        }
    }

    /// Measures all shares against the totals of now.
    pub(crate) fn measure(&mut self) {
        if self.measured == self.totals {
            return;
        }
        self.measured = self.totals.clone();
        for client in self.clients.indexes() {
            self.renew_client(client);
        }
        for role in self.roles.indexes() {
            self.renew_own(role);
            self.renew_role(role);
        }
    }

    /// Brings the keys of a client and of the roles above it up to date.
    fn renew(&mut self, client: Index<Client>) {
        self.clients[client].is_stale = false;
        self.renew_client(client);
        let mut next = Some(self.clients[client].role);
        self.renew_own(self.clients[client].role);
        while let Some(role) = next {
            self.renew_role(role);
            next = self.roles[role].parent;
        }
    }

    fn renew_client(&mut self, client: Index<Client>) {
        let entry = &mut self.clients[client];
        let key = entry.usage.key(&entry.key.name, 1.0, &self.measured, &self.names);
        if key == entry.key {
            return;
        }
        let old = std::mem::replace(&mut entry.key, key);
        for queue in QUEUES.into_iter().filter(|queue| entry.is_listed(*queue)) {
            let clients = &mut self.roles[entry.role].orders[queue as usize].clients;
            clients.remove(&(old.clone(), client));
            clients.insert((entry.key.clone(), client));
        }
    }

    fn renew_own(&mut self, role: Index<Role>) {
        let role = &mut self.roles[role];
        let key = role.own.key(&role.own_key.name, 1.0, &self.measured, &self.names);
        if key == role.own_key {
            return;
        }
        let old = std::mem::replace(&mut role.own_key, key);
        for order in &mut role.orders {
            if order.branches.remove(&(old.clone(), Branch::Own)) {
                order.branches.insert((role.own_key.clone(), Branch::Own));
            }
        }
    }

    fn renew_role(&mut self, index: Index<Role>) {
        let role = &mut self.roles[index];
        // The root has no siblings, and so no place among them.
        let Some(parent) = role.parent else { return };
        let key = role.subtree.key(&role.key.name, role.weight, &self.measured, &self.names);
        if key == role.key {
            return;
        }
        let new = key.clone();
        let old = std::mem::replace(&mut role.key, key);
        for order in &mut self.roles[parent].orders {
            if order.branches.remove(&(old.clone(), Branch::Child(index))) {
                order.branches.insert((new.clone(), Branch::Child(index)));
            }
        }
    }

    /// Panics if the cached orders or sums are wrong.
    pub(crate) fn check(&self) {
        let mut listed = [0; 2];
        for (index, client) in self.clients.iter() {
            let role = &self.roles[client.role];
            for queue in QUEUES {
                let entry = (client.key.clone(), index);
                let is_listed = role.orders[queue as usize].clients.contains(&entry);
                assert_eq!(is_listed, client.is_listed(queue), "{queue:?} lists the clients that say so");
                listed[queue as usize] += usize::from(is_listed);
            }
            assert_eq!(client.is_stale, self.stale.contains(&index), "the list of the stale is right");
            if !client.is_stale {
                let key = client.usage.key(&client.key.name, 1.0, &self.measured, &self.names);
                assert_eq!(client.key, key, "a client is in its place");
            }
            let wants = client.is_listed(Queue::All);
            assert!(wants || !client.is_listed(Queue::Hungry), "only who wants offers is hungry");
        }
        assert_eq!(listed, self.listed, "the lengths of the queues are right");
        for (index, role) in self.roles.iter() {
            self.check_role(index, role);
        }
    }

    fn check_role(&self, index: Index<Role>, role: &Role) {
        let mut own = Quantities::default();
        let mut clients = 0;
        for (_, client) in self.clients.iter().filter(|(_, client)| client.role == index) {
            own.add(&client.usage.quantities);
            clients += 1;
        }
        assert_eq!(own, role.own.quantities, "a role's own usage is that of its clients");
        assert_eq!(clients, role.clients, "a role counts its clients");
        let mut children = 0;
        for (child, entry) in self.roles.iter().filter(|(_, child)| child.parent == Some(index)) {
            own.add(&entry.subtree.quantities);
            children += 1;
            for (order, below) in role.orders.iter().zip(&entry.orders) {
                let is_listed = order.branches.contains(&(entry.key.clone(), Branch::Child(child)));
                assert_eq!(
                    is_listed,
                    !below.branches.is_empty(),
                    "a role is listed iff it has someone to offer to"
                );
            }
        }
        if self.stale.is_empty() {
            let key = role.subtree.key(&role.key.name, role.weight, &self.measured, &self.names);
            let own_key = role.own.key(&role.own_key.name, 1.0, &self.measured, &self.names);
            assert!(role.parent.is_none() || role.key == key, "a role is in its place");
            assert_eq!(role.own_key, own_key, "the clients of a role are in their place");
        }
        assert_eq!(children, role.children, "a role counts its children");
        assert_eq!(own, role.subtree.quantities, "a role's usage is that of all below it");
        assert!(!own.has_negative(), "nobody holds less than nothing");
        assert!(index == self.root || clients + children > 0, "a role that nobody needs is gone");
        for order in &role.orders {
            let is_listed = order.branches.contains(&(role.own_key.clone(), Branch::Own));
            assert_eq!(is_listed, !order.clients.is_empty(), "the own branch is listed iff it has clients");
        }
    }
}

impl Role {
    fn new(
        path: &str,
        name: &str,
        parent: Option<Index<Self>>,
        weight: f64,
        measured: &Quantities,
        names: &Names,
    ) -> Self {
        let usage = Usage::default();
        Self {
            path: Arc::from(path),
            parent,
            weight,
            key: usage.key(&Arc::from(name), weight, measured, names),
            own_key: usage.key(&Arc::from("."), 1.0, measured, names),
            subtree: usage.clone(),
            own: usage,
            clients: 0,
            children: 0,
            client_race: 0.0,
            branch_race: 0.0,
            orders: Default::default(),
        }
    }
}

type Branches<'a> = btree_set::Iter<'a, (Key, Branch)>;

/// Walks through the clients of a queue; see [`Tree::in_order`].
#[derive(Debug)]
pub(crate) struct InOrder<'a> {
    tree: &'a Tree,
    queue: Queue,
    /// The way down to the current role. A loop and no recursion, because frameworks choose how deep roles are.
    branches: Vec<(Index<Role>, Branches<'a>)>,
    clients: Option<btree_set::Iter<'a, (Key, Index<Client>)>>,
}

impl Iterator for InOrder<'_> {
    type Item = Index<Client>;

    fn next(&mut self) -> Option<Index<Client>> {
        loop {
            if let Some((_, client)) = self.clients.as_mut().and_then(Iterator::next) {
                return Some(*client);
            }
            self.clients = None;
            let (role, branches) = self.branches.last_mut()?;
            match branches.next() {
                Some((_, Branch::Own)) => {
                    self.clients = Some(self.tree.roles[*role].orders[self.queue as usize].clients.iter());
                }
                Some((_, Branch::Child(child))) => {
                    let below = self.tree.roles[*child].orders[self.queue as usize].branches.iter();
                    self.branches.push((*child, below));
                }
                None => {
                    self.branches.pop();
                }
            }
        }
    }
}
