//! What a master is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use tepui_ha::Spec;
use tepui_http::Limits;
use tepui_link::LinkConfig;

use crate::{ElectionConfig, RegistryConfig};

/// The checked settings of a master's shell. Flags become this; `run` takes nothing else.
#[derive(Clone, Debug)]
pub struct Config {
    /// The core's settings.
    pub core: tepui_master_core::Config,
    /// What readers see of the settings, with the flags as they were given.
    pub view: tepui_master_view::Settings,
    /// The link's settings; its advertised address is that of `core.pid`.
    pub link: LinkConfig,
    /// What a peer may make the HTTP front hold.
    pub limits: Limits,
    /// Where the registry is kept.
    pub registry: RegistryConfig,
    /// Where the leader is elected; without it this master leads.
    pub election: Option<ElectionConfig>,
    /// How long the registry may take to be read.
    pub registry_fetch_timeout: Duration,
    /// How long a write of the registry may take before another master shall try, if there is one.
    pub registry_store_timeout: Duration,
    /// How many operators may follow the event stream at once; when one more comes, the oldest one's stream ends.
    pub max_subscribers: usize,
    /// The file of the host names whose agents are offered, if not all are.
    pub whitelist: Option<PathBuf>,
}

impl Config {
    /// The settings of a master with this core and view, and defaults for all else.
    pub fn new(core: tepui_master_core::Config, view: tepui_master_view::Settings) -> Self {
        let link = LinkConfig::new(core.pid.address);
        Self {
            core,
            view,
            link,
            limits: Limits::default(),
            whitelist: None,
            max_subscribers: 1000,
            registry: RegistryConfig::InMemory,
            election: None,
            registry_fetch_timeout: Duration::from_mins(1),
            registry_store_timeout: Duration::from_secs(20),
        }
    }

    /// True if the registry is kept by the same servers that elect the leader.
    pub(crate) fn registry_is_in_group(&self) -> bool {
        match (&self.registry, self.election.as_ref().map(|election| &election.spec)) {
            (RegistryConfig::Etcd(registry), Some(Spec::Etcd(election))) => registry.spec == *election,
            (RegistryConfig::ZooKeeper(registry), Some(Spec::ZooKeeper(election))) => {
                registry.servers == election.servers && registry.path == election.path
            }
            (
                RegistryConfig::InMemory
                | RegistryConfig::Embedded(_)
                | RegistryConfig::Etcd(_)
                | RegistryConfig::ZooKeeper(_),
                _,
            ) => false,
        }
    }
}
