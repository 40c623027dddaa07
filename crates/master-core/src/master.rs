//! The master: its state, and the entry points of the core.

mod check;
mod recover;
mod store;
mod tick;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::net::IpAddr;

use tepui_allocator::{Allocation, Allocator, Options};
use tepui_proto::internal::registry::Slave;
use tepui_proto::v1;
use tepui_types::{AgentId, FrameworkId, Now, Table, TaskId, Time, Upid, Uuid};

use crate::agent::{Agent, Removals, UnreachableAgent};
use crate::config::Config;
use crate::effect::Effects;
use crate::framework::{CompletedFrameworks, Framework};
use crate::input::{Input, StreamId};
use crate::inverse_offer::InverseOffer;
use crate::maintenance::Maintenance;
use crate::offer::{Offer, OfferNumber};
use crate::operation::Operations;
use crate::rate_limit::Limiters;
use crate::task::Task;
use crate::timers::Timers;
use crate::turn::Turn;

pub(crate) use store::Pending;

/// The version of Mesos that we are: what `MasterInfo` says.
const VERSION: &str = "1.11.0";

/// `QUOTA_V2`, which the internal protocol of 1.11.0 has and its v1 API lacks.
const QUOTA_V2: i32 = 3;

/// A leading master.
#[derive(Debug)]
pub struct Master {
    pub(crate) config: Config,
    /// Unique to each run of a master; all ids that it gives begin with it.
    pub(crate) id: String,
    pub(crate) info: v1::MasterInfo,
    /// The registry was read.
    pub(crate) recovered: bool,
    /// When it was.
    pub(crate) recovered_at: Time,
    pub(crate) frameworks: Frameworks,
    pub(crate) agents: Agents,
    pub(crate) offers: BTreeMap<OfferNumber, Offer>,
    pub(crate) inverse_offers: BTreeMap<OfferNumber, InverseOffer>,
    /// The maintenance that the registry holds.
    pub(crate) maintenance: Maintenance,
    /// The one that it will hold when all is written.
    pub(crate) planned_maintenance: Maintenance,
    pub(crate) operations: Operations,
    pub(crate) allocator: Allocator,
    /// Kept for its capacity.
    pub(crate) allocations: Vec<Allocation>,
    pub(crate) timers: Timers,
    pub(crate) limiters: Limiters,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(crate) random: fastrand::Rng,
    /// What the hashes of tables follow from.
    pub(crate) hash_seed: u64,
    pub(crate) next_framework: u64,
    pub(crate) next_agent: u64,
    pub(crate) next_offer: OfferNumber,
    pub(crate) next_stream: u64,
    pub(crate) next_store: u64,
}

/// All frameworks.
#[derive(Debug)]
pub(crate) struct Frameworks {
    pub(crate) registered: BTreeMap<FrameworkId, Framework>,
    pub(crate) streams: BTreeMap<StreamId, FrameworkId>,
    /// Those that have a driver, or had one when they were connected.
    pub(crate) drivers: BTreeMap<Upid, FrameworkId>,
    pub(crate) completed: CompletedFrameworks,
}

/// All agents.
#[derive(Debug)]
pub(crate) struct Agents {
    pub(crate) registered: Table<AgentId, Box<Agent>>,
    pub(crate) by_pid: Table<Upid, AgentId>,
    pub(crate) observers: BTreeMap<u64, AgentId>,
    pub(crate) next_observer: u64,
    /// In the registry, but not seen since this master leads.
    pub(crate) recovered: BTreeMap<AgentId, Slave>,
    /// How many they were at first.
    pub(crate) recovered_at_first: usize,
    /// Those of them that are being marked unreachable.
    pub(crate) leaving_recovered: BTreeSet<AgentId>,
    pub(crate) unreachable: BTreeMap<AgentId, UnreachableAgent>,
    pub(crate) gone: BTreeMap<AgentId, v1::TimeInfo>,
    pub(crate) removals: Removals,
    /// Wait for the registry to hold that they are gone.
    pub(crate) marking_gone: BTreeSet<AgentId>,
    /// Unreachable ones that the registry is just forgetting.
    pub(crate) pruning: BTreeSet<AgentId>,
    /// Wait for the registry.
    pub(crate) registering: BTreeSet<Upid>,
    /// Wait for the registry.
    pub(crate) reregistering: BTreeSet<AgentId>,
}

impl Agents {
    fn new(hash_seed: u64) -> Self {
        Self {
            registered: Table::new(hash_seed),
            by_pid: Table::new(hash_seed),
            observers: BTreeMap::new(),
            next_observer: 1,
            recovered: BTreeMap::new(),
            recovered_at_first: 0,
            leaving_recovered: BTreeSet::new(),
            unreachable: BTreeMap::new(),
            gone: BTreeMap::new(),
            removals: Removals::default(),
            marking_gone: BTreeSet::new(),
            pruning: BTreeSet::new(),
            registering: BTreeSet::new(),
            reregistering: BTreeSet::new(),
        }
    }
}

impl Frameworks {
    /// The id of a registered framework, shared with it.
    pub(crate) fn find(&self, id: &v1::FrameworkId) -> Option<FrameworkId> {
        self.registered.get(id.value.as_str()).map(|framework| framework.id.clone())
    }

    /// An id that a message names, shared with the framework if that is registered.
    pub(crate) fn id(&self, id: &v1::FrameworkId) -> FrameworkId {
        self.find(id).unwrap_or_else(|| FrameworkId::from(id))
    }
}

impl Master {
    /// A master that was elected and has yet to read its registry. All randomness comes from `seed`.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let id = Uuid::random(&mut random).to_string();
        let options = Options {
            allocation_interval: config.allocation_interval,
            filter_gpu_resources: config.filter_gpu_resources,
            min_allocatable: config.min_allocatable_resources.clone(),
            excluded_from_fair_share: config.allocator.fair_sharing_excluded_resource_names.clone(),
            sorter: config.allocator.sorter,
        };
        let mut allocator = Allocator::new(options, random.u64(..));
        allocator.set_whitelist(config.allocator.whitelist.clone());
        Self {
            info: master_info(&config, &id),
            id,
            recovered: false,
            recovered_at: Time::ZERO,
            frameworks: Frameworks {
                registered: BTreeMap::new(),
                streams: BTreeMap::new(),
                drivers: BTreeMap::new(),
                completed: CompletedFrameworks::new(config.max_completed_frameworks),
            },
            agents: Agents::new(seed),
            offers: BTreeMap::new(),
            inverse_offers: BTreeMap::new(),
            maintenance: Maintenance::default(),
            planned_maintenance: Maintenance::default(),
            operations: Operations::default(),
            allocator,
            allocations: Vec::new(),
            timers: Timers::new(seed),
            limiters: Limiters::new(config.rate_limits.clone()),
            pending: BTreeMap::new(),
            random,
            hash_seed: seed,
            next_framework: 0,
            next_agent: 0,
            next_offer: 0,
            next_stream: 0,
            next_store: 0,
            config,
        }
    }

    /// Applies one input. Never blocks, never fails: a bad call is answered by an effect.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Effects) {
        let mut turn = Turn::new(now, effects);
        match input {
            Input::Tick => {}
            Input::Recovered(registry) => self.recover(*registry, &mut turn),
            Input::SchedulerCall(call) => self.admit_call(call, &mut turn),
            Input::OperatorCall(call) => self.operator_call(*call, &mut turn),
            Input::Whitelist(hostnames) => self.allocator.set_whitelist(hostnames),
            Input::StreamClosed(stream) => self.stream_closed(stream, &mut turn),
            Input::Backlog(reader, backlog) => self.backlog(&reader, backlog, &mut turn),
            Input::Link { from, to, message } => self.admit_message(from, to, message, &mut turn),
            Input::LinkBroken(peer) => self.admit_break(peer, &mut turn),
            Input::Stored(id) => self.stored(id, &mut turn),
        }
        self.fire_timers(&mut turn);
        self.make_offers(&mut turn);
        self.make_inverse_offers(&mut turn);
    }

    /// When `step` wants an `Input::Tick`, if nothing else happens first.
    pub fn next_deadline(&self) -> Option<Time> {
        [self.timers.next(), self.allocator.next_deadline()].into_iter().flatten().min()
    }

    /// The master as frameworks and readers know it.
    pub fn info(&self) -> &v1::MasterInfo {
        &self.info
    }

    /// A task that is on an agent, by its id or the text of that.
    pub(crate) fn task<Id: Hash + Eq + ?Sized>(&self, framework: &FrameworkId, id: &Id) -> Option<&Task>
    where
        TaskId: Borrow<Id>,
    {
        self.frameworks.registered.get(framework)?.tasks.get(id)
    }
}

fn master_info(config: &Config, id: &str) -> v1::MasterInfo {
    use v1::master_info::{Capability, capability::Type};
    let address = config.pid.address;
    // Compat: the field holds the address as it lies in memory in network order.
    let ip = match address.ip() {
        IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    };
    let capabilities = [Type::AgentUpdate as i32, Type::AgentDraining as i32, QUOTA_V2];
    v1::MasterInfo {
        id: id.to_owned(),
        ip,
        port: u32::from(address.port()),
        pid: Some(config.pid.to_string()),
        hostname: Some(config.hostname.clone()),
        version: Some(VERSION.to_owned()),
        address: Some(v1::Address {
            hostname: Some(config.hostname.clone()),
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
        }),
        domain: config.domain.clone(),
        capabilities: capabilities.map(|kind| Capability { r#type: Some(kind) }).to_vec(),
    }
}
