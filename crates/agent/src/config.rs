//! What an agent is told at its start.

use std::path::PathBuf;

use tepui_http::Limits;
use tepui_link::LinkConfig;

/// The checked settings of an agent's shell. Flags become this; `run` takes nothing else.
#[derive(Clone, Debug)]
pub struct Config {
    /// The core's settings. `run` adds what the machine has of cpus, mem, disk and ports that are not named.
    pub core: tepui_agent_core::Config,
    /// Where the master is: `host:port`.
    pub master: String,
    /// The folder for what must not survive a reboot.
    pub runtime_dir: PathBuf,
    /// The flags as they were given, for `/flags` and `/state`.
    pub flags: Vec<(String, String)>,
    /// The link's settings; its advertised address is that of `core.pid`.
    pub link: LinkConfig,
    /// What a peer may make the HTTP front hold.
    pub limits: Limits,
}

impl Config {
    /// The settings of an agent of this master, and defaults for all else.
    pub fn new(core: tepui_agent_core::Config, master: impl Into<String>) -> Self {
        let link = LinkConfig::new(core.pid.address);
        Self {
            core,
            master: master.into(),
            runtime_dir: PathBuf::from("/var/run/mesos"),
            flags: Vec::new(),
            link,
            limits: Limits::default(),
        }
    }
}
