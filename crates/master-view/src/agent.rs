//! An agent as the view holds it.

use std::sync::Arc;

use prost::Message as _;
use tepui_master_core::AgentEntity;
use tepui_proto::v1;
use tepui_proto::v1::agent_info::capability::Type as Capability;
use tepui_proto::wire_format::WireFields;
use tepui_types::{FewMap, FrameworkId, Resources, Upid, WallTime};

/// An agent, and what is taken of it.
#[derive(Debug)]
pub(crate) struct Agent {
    /// What it says of itself, in its binary form.
    pub(crate) info: Arc<[u8]>,
    /// Its address on the link.
    pub(crate) pid: Upid,
    /// Its version.
    pub(crate) version: Box<str>,
    /// What it can do.
    pub(crate) capabilities: Box<[Capability]>,
    /// Connected to the master.
    pub(crate) connected: bool,
    /// Offers are made for it.
    pub(crate) active: bool,
    /// An operator wants no offers to be made for it.
    pub(crate) deactivated: bool,
    /// How it is drained, if it is.
    pub(crate) drain: Option<v1::DrainInfo>,
    /// Since when.
    pub(crate) drain_started: Option<WallTime>,
    /// First registration.
    pub(crate) registered: WallTime,
    /// Last re-registration.
    pub(crate) reregistered: Option<WallTime>,
    /// All of its resources.
    pub(crate) total: Resources,
    /// What tasks and executors hold, by framework.
    pub(crate) used: FewMap<FrameworkId, Resources>,
    /// What is in offers.
    pub(crate) offered: Resources,
}

impl Agent {
    pub(crate) fn new(entity: AgentEntity) -> Self {
        Self {
            info: Arc::clone(&entity.info.encoded),
            pid: entity.pid,
            version: entity.version.into_boxed_str(),
            capabilities: entity.capabilities.into_boxed_slice(),
            connected: entity.connected,
            active: entity.active,
            deactivated: entity.deactivated,
            drain: entity.drain,
            drain_started: entity.drain_started,
            registered: entity.registered,
            reregistered: entity.reregistered,
            total: entity.total,
            used: FewMap::default(),
            offered: Resources::default(),
        }
    }

    /// Replaces what the core tells; what is taken stays.
    pub(crate) fn update(&mut self, entity: AgentEntity) {
        let used = std::mem::take(&mut self.used);
        let offered = std::mem::take(&mut self.offered);
        *self = Self { used, offered, ..Self::new(entity) };
    }

    /// What it says of itself, without its resources, of which there are newer ones.
    pub(crate) fn info_without_resources(&self) -> v1::AgentInfo {
        const RESOURCES: u32 = 3;
        let mut kept = Vec::with_capacity(self.info.len());
        for field in WireFields::new(&self.info).map_while(Result::ok) {
            if field.number != RESOURCES {
                kept.extend_from_slice(field.bytes);
            }
        }
        v1::AgentInfo::decode(kept.as_slice()).unwrap_or_default()
    }

    /// Takes resources for a framework.
    pub(crate) fn take(&mut self, framework: &FrameworkId, resources: &Resources) {
        *self.used.get_or_default(framework.clone()) += resources;
    }

    /// Gives back what a framework held.
    pub(crate) fn give_back(&mut self, framework: &FrameworkId, resources: &Resources) {
        if let Some(used) = self.used.get_mut(framework) {
            *used -= resources;
            if used.is_empty() {
                self.used.remove(framework);
            }
        }
    }

    /// What all frameworks hold together.
    pub(crate) fn used_in_all(&self) -> Resources {
        let mut sum = Resources::default();
        for used in self.used.values() {
            sum += used;
        }
        sum
    }
}
