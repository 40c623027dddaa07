//! The agents: where tasks run.
//!
//! An agent is *admitted* to the registry before it is told so. While its connection is down it is *disconnected*; when
//! it does not come back, or does not answer pings, it is marked *unreachable* and taken off the books. It may return
//! and bring its tasks. After a change of leader the agents of the registry are *recovered* until they re-register.

mod add;
mod capabilities;
mod disconnect;
mod executor;
mod executor_message;
mod exited_executor;
mod info;
mod link;
mod ping;
mod prune;
mod reconcile;
mod register;
mod removal_rate;
mod remove;
mod report;
mod reregister;
mod standing;
mod status_update;
mod unreachable;
mod unregister;
mod update;

use std::collections::{BTreeMap, BTreeSet};

use tepui_allocator::{AgentCapabilities, FaultDomain};
use tepui_proto::v1::agent_info::capability::Type;
use tepui_proto::{Raw, internal, v1};
use tepui_types::{AgentId, Attributes, ExecutorId, FewSet, FrameworkId, Resources, TaskId, Upid, WallTime};

use crate::change::AgentEntity;
use crate::config::Config;
use crate::offer::OfferNumber;

pub(crate) use capabilities::Capabilities;
pub use info::PackedInfo;
pub(crate) use ping::Observer;
pub(crate) use prune::Pruning;
pub(crate) use register::Registration;
pub use removal_rate::RemovalRate;
pub(crate) use removal_rate::{Removals, Silence};
pub(crate) use remove::{Removal, TaskFate};
pub(crate) use reregister::Reregistration;
pub(crate) use standing::Standing;
pub(crate) use unreachable::{Marking, UnreachableAgent};

/// An agent that is registered.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    /// As registered, with its id.
    pub(crate) info: PackedInfo,
    pub(crate) pid: Upid,
    pub(crate) version: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) connected: bool,
    /// Offers are made for it.
    pub(crate) active: bool,
    pub(crate) registered: WallTime,
    pub(crate) reregistered: Option<WallTime>,
    pub(crate) total: Resources,
    /// Its dynamic reservations and volumes, as it told them.
    pub(crate) checkpointed: Vec<v1::Resource>,
    pub(crate) resource_version: Option<v1::Uuid>,
    pub(crate) tasks: FewSet<(FrameworkId, TaskId)>,
    /// Tasks that are to be killed, for when it re-registers without having been told.
    pub(crate) killed: BTreeSet<(FrameworkId, TaskId)>,
    pub(crate) executors: BTreeMap<(FrameworkId, ExecutorId), Executor>,
    pub(crate) offers: FewSet<OfferNumber>,
    /// The inverse offers that are about it.
    pub(crate) inverse_offers: BTreeSet<OfferNumber>,
    /// The frameworks that it may know of, because it ran something of theirs.
    pub(crate) frameworks: FewSet<FrameworkId>,
    pub(crate) observer: Observer,
    pub(crate) standing: Standing,
    /// When an operator began to drain it.
    pub(crate) drain_started: Option<WallTime>,
    /// Its removal is being written to the registry.
    pub(crate) leaving: bool,
}

/// An executor that an agent has, or is to get. Those that agents make for commands are not known here.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) info: Raw<v1::ExecutorInfo>,
    pub(crate) resources: Resources,
}

/// What an agent says of itself when it registers or re-registers.
#[derive(Clone, Debug)]
pub(crate) struct AgentDescription {
    /// With its id.
    pub(crate) info: v1::AgentInfo,
    pub(crate) pid: Upid,
    pub(crate) version: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) total: Resources,
    pub(crate) checkpointed: Vec<v1::Resource>,
    pub(crate) resource_version: Option<v1::Uuid>,
}

impl Agent {
    /// The executors of one framework.
    pub(crate) fn executors_of(
        &self,
        framework: &FrameworkId,
    ) -> impl Iterator<Item = (&ExecutorId, &Executor)> {
        let own = self.executors.iter().filter(move |((owner, _), _)| owner == framework);
        own.map(|((_, id), executor)| (id, executor))
    }

    /// The tasks of one framework.
    pub(crate) fn tasks_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &TaskId> {
        self.tasks.iter().filter(move |(owner, _)| owner == framework).map(|(_, id)| id)
    }

    /// Tells whether it carries out operations itself, and says how that went; else it is told their outcome.
    pub(crate) fn applies_operations(&self) -> bool {
        self.capabilities.has(Type::ResourceProvider) && self.resource_version.is_some()
    }

    /// The versions of its resources, which a launch must name.
    pub(crate) fn resource_versions(&self) -> Vec<internal::ResourceVersionUuid> {
        self.resource_version
            .iter()
            .map(|uuid| internal::ResourceVersionUuid { resource_provider_id: None, uuid: uuid.clone() })
            .collect()
    }

    /// The agent as the allocator knows it.
    pub(crate) fn allocator_description(&self, config: &Config) -> tepui_allocator::AgentDescription {
        tepui_allocator::AgentDescription {
            hostname: self.info.hostname.clone(),
            // What cannot be read as an attribute is none.
            attributes: Attributes::from_protos(&self.info.attributes).unwrap_or_default(),
            domain: self.info.domain.as_ref().and_then(fault_domain),
            total: self.total.clone(),
            capabilities: AgentCapabilities {
                multi_role: self.capabilities.has(Type::MultiRole),
                hierarchical_role: self.capabilities.has(Type::HierarchicalRole),
                reservation_refinement: self.capabilities.has(Type::ReservationRefinement),
            },
            remote_region: is_remote(self.info.domain.as_ref(), config.domain.as_ref()),
        }
    }

    /// The agent as readers see it.
    pub(crate) fn entity(&self) -> Box<AgentEntity> {
        Box::new(AgentEntity {
            id: self.id.clone(),
            info: self.info.clone(),
            pid: self.pid.clone(),
            version: self.version.clone(),
            capabilities: self.capabilities.list(),
            connected: self.connected,
            active: self.active,
            deactivated: self.standing.deactivated,
            drain: self.standing.drain,
            drain_started: self.drain_started,
            registered: self.registered,
            reregistered: self.reregistered,
            total: self.total.clone(),
        })
    }
}

/// What an agent is told about pings when it registers.
pub(crate) fn connection(config: &Config) -> internal::MasterSlaveConnection {
    let total = config.agent_ping_timeout.saturating_mul(config.max_agent_ping_timeouts);
    internal::MasterSlaveConnection { total_ping_timeout_seconds: Some(total.as_secs_f64()) }
}

/// Where an agent says that it stands.
fn fault_domain(domain: &v1::DomainInfo) -> Option<FaultDomain> {
    let domain = domain.fault_domain.as_ref()?;
    Some(FaultDomain { region: domain.region.name.clone(), zone: domain.zone.name.clone() })
}

/// Tells whether an agent is in another region than the master.
fn is_remote(agent: Option<&v1::DomainInfo>, master: Option<&v1::DomainInfo>) -> bool {
    let region = |domain: Option<&v1::DomainInfo>| {
        domain.and_then(|domain| domain.fault_domain.as_ref()).map(|domain| domain.region.name.clone())
    };
    match (region(agent), region(master)) {
        (Some(agent), Some(master)) => agent != master,
        (None, _) | (_, None) => false,
    }
}
