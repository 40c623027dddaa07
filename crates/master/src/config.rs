//! What a master is told at its start.

use tepui_http::Limits;
use tepui_link::LinkConfig;

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
}

impl Config {
    /// The settings of a master with this core and view, and defaults for all else.
    pub fn new(core: tepui_master_core::Config, view: tepui_master_view::Settings) -> Self {
        let link = LinkConfig::new(core.pid.address);
        Self { core, view, link, limits: Limits::default() }
    }
}
