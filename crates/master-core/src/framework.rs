//! The frameworks: whom the master makes offers to.
//!
//! A framework is *connected* while it has an event stream or a driver, *disconnected* when it lost it, and *recovered* when only
//! agents have told of it so far. One that is removed is remembered as *completed*, so that it cannot come back.

mod add;
mod capabilities;
mod completed;
mod disconnect;
pub(crate) mod event;
mod failover;
mod remove;
mod slow_reader;
mod unreachable_tasks;
mod update;

use std::collections::BTreeSet;

use tepui_proto::v1;
use tepui_types::{AgentId, ExecutorId, FrameworkId, Resources, Table, TaskId, Upid, Uuid, WallTime};

use crate::change::FrameworkEntity;
use crate::input::StreamId;
use crate::offer::OfferNumber;
use crate::task::Task;

pub(crate) use capabilities::Capabilities;
pub(crate) use completed::CompletedFrameworks;
pub use slow_reader::MAX_BACKLOG_BYTES;
use slow_reader::SlowReader;
use unreachable_tasks::UnreachableTasks;
pub(crate) use update::Subscription;

/// A framework that has not been removed.
#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) id: FrameworkId,
    /// As subscribed, with its id.
    pub(crate) info: v1::FrameworkInfo,
    pub(crate) capabilities: Capabilities,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) suppressed: BTreeSet<String>,
    pub(crate) offer_constraints: Option<v1::scheduler::OfferConstraints>,
    pub(crate) connection: Connection,
    /// Offers are made to it. A connected driver may have been aborted, and wants none.
    pub(crate) active: bool,
    /// Its peer has not read what it was sent.
    pub(crate) slow_reader: Option<SlowReader>,
    pub(crate) registered: WallTime,
    pub(crate) reregistered: WallTime,
    pub(crate) tasks: Table<TaskId, Task>,
    /// What its last task holds, for the next one to share.
    pub(crate) usual_resources: Resources,
    pub(crate) unreachable_tasks: UnreachableTasks,
    pub(crate) executors: BTreeSet<(AgentId, ExecutorId)>,
    pub(crate) offers: BTreeSet<OfferNumber>,
    pub(crate) inverse_offers: BTreeSet<OfferNumber>,
    /// The agents that may know of it, because they ran something of it.
    pub(crate) agents: BTreeSet<AgentId>,
}

/// How a framework can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Never since this master leads.
    Recovered,
    /// Not any more. If it had a driver, that may still speak to us from its address.
    Disconnected(Option<Upid>),
    /// Through its peer.
    Connected(Peer),
}

/// Where events for a framework go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// An event stream of the v1 API.
    Http {
        /// Our name for the stream.
        stream: StreamId,
        /// The value of `Mesos-Stream-Id`.
        stream_id: Uuid,
    },
    /// An old driver at the other end of a link.
    Driver(Upid),
}

impl Framework {
    /// A framework that nobody has connected for yet.
    pub(crate) fn new(id: FrameworkId, subscription: Subscription, hash_seed: u64) -> Self {
        let mut framework = Self {
            id,
            info: v1::FrameworkInfo::default(),
            capabilities: Capabilities::default(),
            roles: BTreeSet::new(),
            suppressed: BTreeSet::new(),
            offer_constraints: None,
            connection: Connection::Recovered,
            active: false,
            slow_reader: None,
            registered: WallTime::default(),
            reregistered: WallTime::default(),
            tasks: Table::new(hash_seed),
            usual_resources: Resources::new(),
            unreachable_tasks: UnreachableTasks::default(),
            executors: BTreeSet::new(),
            offers: BTreeSet::new(),
            inverse_offers: BTreeSet::new(),
            agents: BTreeSet::new(),
        };
        framework.apply(subscription);
        framework
    }

    /// Takes over what a subscription says.
    pub(crate) fn apply(&mut self, subscription: Subscription) {
        let Subscription { mut info, suppressed, offer_constraints, constraints: _ } = subscription;
        info.id = Some(self.id.to_proto());
        self.capabilities = Capabilities::of(&info);
        self.roles = roles(&info);
        self.info = info;
        self.suppressed = suppressed;
        self.offer_constraints = offer_constraints;
    }

    /// Tells whether it has a peer.
    pub(crate) fn is_connected(&self) -> bool {
        self.peer().is_some()
    }

    /// Tells whether only agents have told of it so far.
    pub(crate) fn is_recovered(&self) -> bool {
        self.connection == Connection::Recovered
    }

    /// The peer, if it is connected.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        match &self.connection {
            Connection::Connected(peer) => Some(peer),
            Connection::Recovered | Connection::Disconnected(_) => None,
        }
    }

    /// The address of its driver, which may be disconnected; none for a framework that speaks HTTP.
    pub(crate) fn pid(&self) -> Option<&Upid> {
        match &self.connection {
            Connection::Connected(Peer::Driver(pid)) | Connection::Disconnected(Some(pid)) => Some(pid),
            Connection::Recovered
            | Connection::Disconnected(None)
            | Connection::Connected(Peer::Http { .. }) => None,
        }
    }

    /// The address of its driver as agents are told it.
    pub(crate) fn pid_for_agents(&self) -> String {
        // Compat: this is how Mesos writes the address of nobody, which agents read as "speaks HTTP".
        self.pid().map_or_else(|| "@0.0.0.0:0".to_owned(), Upid::to_string)
    }

    /// The framework as readers see it.
    pub(crate) fn entity(&self) -> Box<FrameworkEntity> {
        Box::new(FrameworkEntity {
            info: self.info.clone(),
            active: self.active,
            connected: self.is_connected(),
            recovered: self.is_recovered(),
            registered: self.registered,
            reregistered: self.reregistered,
            pid: self.pid().cloned(),
            suppressed_roles: self.suppressed.iter().cloned().collect(),
            offer_constraints: self.offer_constraints.clone(),
        })
    }
}

/// The roles that a framework subscribes to.
#[expect(deprecated, reason = "frameworks without MULTI_ROLE still set `role`")]
pub(crate) fn roles(info: &v1::FrameworkInfo) -> BTreeSet<String> {
    if Capabilities::of(info).multi_role {
        info.roles.iter().cloned().collect()
    } else {
        BTreeSet::from([info.role.clone().unwrap_or_else(|| tepui_types::DEFAULT_ROLE.to_owned())])
    }
}
