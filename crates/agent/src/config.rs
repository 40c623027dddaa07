//! What an agent is told at its start.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tepui_containerizer::{IsolationSettings, LoggerSettings};
use tepui_fetcher::FetcherConfig;
use tepui_ha::Spec;
use tepui_http::Limits;
use tepui_link::LinkConfig;

use crate::gc::GcConfig;
use crate::systemd::Systemd;

/// The checked settings of an agent's shell. Flags become this; `run` takes nothing else.
#[derive(Clone, Debug)]
pub struct Config {
    /// The core's settings. `run` adds what the machine has of cpus, mem, disk and ports that are not named.
    pub core: tepui_agent_core::Config,
    /// The resources that are named, if only to say that there are none.
    pub named_resources: BTreeSet<String>,
    /// Where the leading master is found.
    pub master: Spec,
    /// After what silence of the servers that elect masters none is known any more.
    pub master_session_timeout: Duration,
    /// The folder for what must not survive a reboot. No two agents share one.
    pub runtime_dir: PathBuf,
    /// How the launcher is started: a program and its arguments.
    pub launcher_command: Vec<OsString>,
    /// What outlives the agent's unit by; nothing if absent.
    pub systemd: Option<Systemd>,
    /// What holds containers to their resources.
    pub isolation: IsolationSettings,
    /// How large the files of output may become; without limit if absent.
    pub logger: Option<LoggerSettings>,
    /// How files are fetched.
    pub fetcher: FetcherConfig,
    /// When sandboxes are removed.
    pub gc: GcConfig,
    /// Whether damage to what an earlier process kept stops the agent.
    pub strict: bool,
    /// The flags as they were given, for `/flags` and `/state`.
    pub flags: Vec<(String, String)>,
    /// The link's settings; its advertised address is that of `core.pid`.
    pub link: LinkConfig,
    /// What a peer may make the HTTP front hold.
    pub limits: Limits,
    /// How often whoever is attached to a container is told that we are there.
    pub heartbeat_interval: Duration,
}

impl Config {
    /// The settings of an agent of this master, and defaults for all else.
    pub fn new(core: tepui_agent_core::Config, master: Spec) -> Self {
        let link = LinkConfig::new(core.pid.address);
        let runtime_dir = default_runtime_dir(Path::new(&core.work_dir));
        // Without a path the start of the launcher fails, and says so.
        let launcher = crate::command_executor::helper().map(PathBuf::into_os_string);
        let program = std::env::current_exe();
        let named_resources = core.resources.iter().map(|resource| resource.name.clone()).collect();
        Self {
            core,
            named_resources,
            master,
            master_session_timeout: Duration::from_secs(10),
            runtime_dir,
            fetcher: fetcher(program.unwrap_or_default()),
            launcher_command: vec![launcher.unwrap_or_default(), "launcher".into()],
            systemd: None,
            isolation: IsolationSettings::default(),
            logger: None,
            gc: GcConfig::default(),
            strict: true,
            flags: Vec::new(),
            link,
            limits: Limits::default(),
            heartbeat_interval: Duration::from_secs(30),
        }
    }
}

/// Fetching with Mesos' defaults, by this program.
fn fetcher(program: PathBuf) -> FetcherConfig {
    FetcherConfig {
        program,
        arguments: ["tepui", "fetcher"].map(str::to_owned).to_vec(),
        cache_dir: "/tmp/mesos/fetch".into(),
        cache_bytes: 2 << 30,
        frameworks_home: None,
        stall_timeout: Duration::from_mins(1),
    }
}

/// Where an agent that is not told otherwise keeps what must not survive a reboot.
///
/// Compat: Mesos has `/var/run/mesos` for every agent, and a second agent on the machine destroys the containers of the
/// first. Ours have a folder each below it, named after their work folder.
fn default_runtime_dir(work_dir: &Path) -> PathBuf {
    let run = Path::new("/var/run");
    let base = if nix::unistd::access(run, nix::unistd::AccessFlags::W_OK).is_ok() {
        run.join("mesos")
    } else {
        std::env::temp_dir().join("mesos/runtime")
    };
    let work_dir = std::path::absolute(work_dir).unwrap_or_else(|_| work_dir.to_owned());
    base.join(format!("{:016x}", fnv(work_dir.as_os_str().as_encoded_bytes())))
}

/// The FNV-1a hash: the same in every version of this program.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_have_runtime_folders_of_their_own() {
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(default_runtime_dir(Path::new("/w/1")), default_runtime_dir(Path::new("/w/2")));
        assert_eq!(default_runtime_dir(Path::new("/w/1")), default_runtime_dir(Path::new("/w/1")));
    }
}
