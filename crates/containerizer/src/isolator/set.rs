//! `--isolation` and `--launcher`: which isolators there are, and which of them hold this agent's containers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tepui_linux::Capabilities;
use tepui_proto::v1;
use tepui_types::Ranges;
use tokio::task::JoinSet;

use super::cgroups::Cgroups;
use super::cgroups::cpu::Cpu;
use super::cgroups::cpuset::Cpuset;
use super::cgroups::devices::Devices;
use super::cgroups::member::Member;
use super::cgroups::memory::Memory;
use super::cgroups::pids::Pids;
use super::disk::du::Du;
use super::filesystem::linux::Linux;
use super::filesystem::posix::Posix;
use super::linux::capabilities::LinuxCapabilities;
use super::linux::nnp::NoNewPrivileges;
use super::linux::seccomp::Seccomp;
use super::namespaces::ipc::Ipc;
use super::namespaces::pid::Pid;
use super::network::ports::Ports;
use super::posix::rlimits::Rlimits;
use super::posix::usage::{PosixCpu, PosixMemory};
use super::volume::host_path::HostPath;
use super::volume::sandbox_path::SandboxPath;
use super::volume::secret::SecretVolumes;
use super::volume::{Source, source};
use super::{Isolator, Latest, Limitation};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

/// What the flags about isolation say.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct IsolationSettings {
    /// `--launcher`: `linux` or `posix`; whichever this machine and user allow if not given.
    pub launcher: Option<String>,
    /// `--isolation`: names with commas between.
    pub isolation: String,
    /// `--cgroups_hierarchy`: where cgroups are mounted.
    pub cgroups_hierarchy: PathBuf,
    /// `--cgroups_root`: our folder below each hierarchy.
    pub cgroups_root: String,
    /// `--cgroups_enable_cfs`: cpus are a hard limit.
    pub enable_quota: bool,
    /// `--cgroups_limit_swap`: the memory limit is one of memory and swap together.
    pub limits_swap: bool,
    /// `--revocable_cpu_low_priority`.
    pub is_revocable_low: bool,
    /// `--container_disk_watch_interval`.
    pub disk_interval: Duration,
    /// `--enforce_container_disk_quota`.
    pub enforces_disk: bool,
    /// `--disallow_sharing_agent_pid_namespace`.
    pub disallow_sharing_pid: bool,
    /// `--disallow_sharing_agent_ipc_namespace`.
    pub disallow_sharing_ipc: bool,
    /// `--default_container_shm_size`, in bytes.
    pub default_shm_bytes: Option<u64>,
    /// `--effective_capabilities`.
    pub effective_capabilities: Option<v1::CapabilityInfo>,
    /// `--bounding_capabilities`.
    pub bounding_capabilities: Option<v1::CapabilityInfo>,
    /// `--host_path_volume_force_creation`.
    pub creatable_host_paths: Vec<PathBuf>,
    /// `--enforce_container_ports`.
    pub enforces_ports: bool,
    /// `--container_ports_watch_interval`.
    pub ports_interval: Duration,
    /// The ports that are watched; all if absent. Of `--container_ports_isolated_range` and `--check_agent_port_range_only`.
    pub isolated_ports: Option<Ranges>,
    /// `--seccomp_config_dir`.
    pub seccomp_folder: Option<PathBuf>,
    /// `--seccomp_profile_name`.
    pub seccomp_profile: Option<String>,
}

impl Default for IsolationSettings {
    fn default() -> Self {
        Self {
            launcher: None,
            isolation: "posix/cpu,posix/mem".to_owned(),
            cgroups_hierarchy: PathBuf::from("/sys/fs/cgroup"),
            cgroups_root: "mesos".to_owned(),
            enable_quota: false,
            limits_swap: false,
            is_revocable_low: true,
            disk_interval: Duration::from_secs(15),
            enforces_disk: false,
            disallow_sharing_pid: false,
            disallow_sharing_ipc: false,
            default_shm_bytes: None,
            effective_capabilities: None,
            bounding_capabilities: None,
            creatable_host_paths: Vec::new(),
            enforces_ports: false,
            ports_interval: Duration::from_secs(30),
            isolated_ports: None,
            seccomp_folder: None,
            seccomp_profile: None,
        }
    }
}

/// Isolation that this agent cannot give.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    /// Nobody knows this isolator.
    #[error("flag `isolation`: unknown isolator `{0}`\nhint: the isolators that are built: {known}", known = built())]
    Unknown(String),
    /// Mesos has it, we do not.
    #[error(
        "flag `isolation`: isolator `{name}` is not built yet: {why}\nhint: the isolators that are built: {known}",
        known = built()
    )]
    NotBuilt {
        /// Which.
        name: String,
        /// What it is for.
        why: &'static str,
    },
    /// Two that exclude each other.
    #[error("flag `isolation`: `{0}` and `{1}` cannot be used together")]
    Conflict(&'static str, &'static str),
    /// It needs the Linux launcher.
    #[error(
        "flag `isolation`: isolator `{0}` needs the launcher `linux`\nhint: give --launcher=linux, as root"
    )]
    NeedsLinux(&'static str),
    /// It needs mounts of the containers' own.
    #[error("flag `isolation`: isolator `{0}` needs the isolator `filesystem/linux`")]
    NeedsMounts(&'static str),
    /// There is no such launcher.
    #[error("flag `launcher`: expected linux or posix, got `{0}`")]
    Launcher(String),
    /// Only root can use it.
    #[error(
        "flag `launcher`: the launcher `linux` needs root\nhint: start the agent as root, or with --launcher=posix"
    )]
    NotRoot,
    /// The machine does not have what is needed.
    #[error("flag `{flag}`: there is no `{what}` below `{}`\nhint: mount it, or see --cgroups_hierarchy", base.display())]
    NoCgroup {
        /// Which flag asks for it.
        flag: &'static str,
        /// What is missing.
        what: &'static str,
        /// Where it was looked for.
        base: PathBuf,
    },
    /// The cgroups cannot be used.
    #[error("failed to use the cgroups below `{}`", base.display())]
    Cgroups {
        /// Where they are.
        base: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// System calls cannot be filtered.
    #[error("isolator `linux/seccomp`: {why}")]
    Seccomp {
        /// What is wrong.
        why: String,
    },
    /// A flag's set of capabilities makes no sense.
    #[error("flag `{flag}`: {why}")]
    Capabilities {
        /// Which.
        flag: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// The names that are built, in the order in which they prepare a container.
const KNOWN: &[&str] = &[
    "filesystem/posix",
    "filesystem/linux",
    "volume/host_path",
    "volume/sandbox_path",
    "volume/secret",
    "posix/cpu",
    "posix/mem",
    "posix/rlimits",
    "disk/du",
    "cgroups/cpu",
    "cgroups/mem",
    "cgroups/pids",
    "cgroups/blkio",
    "cgroups/cpuset",
    "cgroups/devices",
    "cgroups/hugetlb",
    "cgroups/net_cls",
    "cgroups/net_prio",
    "cgroups/perf_event",
    "linux/capabilities",
    "linux/nnp",
    "linux/seccomp",
    "namespaces/ipc",
    "namespaces/pid",
    "network/ports",
    "environment_secret",
];

/// All that `--isolation` may name, as hints list it.
fn built() -> String {
    format!("{}; `{ALL_CGROUPS}` stands for all of cgroups that the machine has", KNOWN.join(", "))
}

/// What Mesos has beyond that.
const NOT_BUILT: &[(&str, &str)] = &[
    ("appc/runtime", "images cannot be used"),
    ("disk/xfs", "XFS quotas are not set"),
    ("docker/runtime", "images cannot be used"),
    ("docker/volume", "Docker volumes cannot be mounted"),
    ("filesystem/shared", "folders are not made private"),
    ("gpu/nvidia", "GPUs are not isolated"),
    ("linux/devices", "devices are not made"),
    ("network/cni", "containers are on the machine's network"),
    ("network/port_mapping", "containers are on the machine's network"),
    ("volume/csi", "CSI volumes cannot be mounted"),
    ("volume/image", "images cannot be used"),
];

/// Every controller that the machine has.
const ALL_CGROUPS: &str = "cgroups/all";

/// Whether it is the isolator of one controller.
fn is_controlled(name: &str) -> bool {
    name.starts_with("cgroups/")
}

/// Old names, and names of several.
const EXPANDED: &[(&str, &[&str])] = &[
    ("process", &["posix/cpu", "posix/mem"]),
    ("posix", &["posix/cpu", "posix/mem"]),
    ("cgroups", &["cgroups/cpu", "cgroups/mem"]),
    ("posix/disk", &["disk/du"]),
];

/// The isolators of an agent, and its launcher's cgroups.
#[derive(Debug)]
pub(crate) struct Isolators {
    isolators: Vec<Box<dyn Isolator>>,
    /// By which processes are grouped and killed; none with the plain launcher.
    cgroups: Option<Cgroups>,
}

impl Isolators {
    /// Makes what the flags ask for.
    pub(crate) fn new(settings: &IsolationSettings) -> Result<Self, IsolationError> {
        let mut names = names(&settings.isolation)?;
        let is_linux = is_linux(settings)?;
        let is_asked = |name: &str| names.contains(&name);
        let needs_cgroups = names.iter().any(|name| is_controlled(name));
        let cgroups = if is_linux || needs_cgroups { Some(find_cgroups(settings)?) } else { None };
        let needs_linux = ["filesystem/linux", "namespaces/pid", "namespaces/ipc", "network/ports"];
        if !is_linux && let Some(name) = needs_linux.into_iter().find(|name| is_asked(name)) {
            return Err(IsolationError::NeedsLinux(name));
        }
        if settings.isolation.split(',').any(|name| name.trim() == ALL_CGROUPS) {
            names.retain(|name| !is_controlled(name) || controller(name, cgroups.as_ref()).is_some());
        }
        let is_asked = |name: &str| names.contains(&name);
        let mut isolators: Vec<Box<dyn Isolator>> = Vec::new();
        for name in &names {
            isolators.extend(make(name, settings, cgroups.as_ref(), is_asked("filesystem/linux"))?);
        }
        let grouping = cgroups.filter(|_| is_linux);
        Ok(Self { isolators, cgroups: grouping })
    }

    /// The cgroups by which the processes of containers are found and killed, with the launcher `linux`.
    pub(crate) fn cgroups(&self) -> Option<&Cgroups> {
        self.cgroups.as_ref()
    }

    /// Has all of them prepare a container, the launcher's own cgroup first. What was prepared is cleaned by
    /// [`Self::clean`], after a failure too.
    pub(crate) fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        if let Some(field) = config.container.as_ref().and_then(|container| self.unsupported(container)) {
            return Err(field);
        }
        if let Some(cgroups) = &self.cgroups {
            cgroups
                .prepare_group(&config.container_id, plan)
                .map_err(super::failed("linux launcher", "make a cgroup"))?;
        }
        self.isolators.iter().try_for_each(|isolator| isolator.prepare(config, plan))
    }

    /// Has all of them hold a container to new resources and limits.
    pub(crate) fn update(&self, config: &ContainerConfig) -> std::io::Result<()> {
        self.isolators.iter().try_for_each(|isolator| isolator.update(config))
    }

    /// What a container uses.
    pub(crate) fn usage(
        &self,
        config: &ContainerConfig,
        pid: Option<u32>,
        statistics: &mut v1::ResourceStatistics,
    ) {
        for isolator in &self.isolators {
            isolator.usage(config, pid, statistics);
        }
    }

    /// What a container is.
    pub(crate) fn status(&self, config: &ContainerConfig, status: &mut v1::ContainerStatus) {
        for isolator in &self.isolators {
            isolator.status(config, status);
        }
    }

    /// Watches a container; whatever completes first is the limit that it reached.
    pub(crate) fn watch(&self, config: &ContainerConfig, latest: &Latest) -> JoinSet<Limitation> {
        let mut watches = JoinSet::new();
        for watch in self.isolators.iter().filter_map(|isolator| isolator.watch(config, latest)) {
            watches.spawn(watch);
        }
        watches
    }

    /// The limit that an ended container reached, if it did.
    pub(crate) fn limitation(&self, config: &ContainerConfig) -> Option<Limitation> {
        self.isolators.iter().find_map(|isolator| isolator.limitation(config))
    }

    /// Removes what was prepared, the last first, and the launcher's own cgroup with whoever is left in it. Tries all, and
    /// gives the first error.
    pub(crate) fn clean(&self, config: &ContainerConfig) -> std::io::Result<()> {
        let mut result = Ok(());
        if let Some(group) = self.cgroups.as_ref().and_then(|cgroups| cgroups.group(&config.container_id)) {
            result = group.destroy();
        }
        for isolator in self.isolators.iter().rev() {
            let name = isolator.name();
            result =
                result.and(isolator.clean(config).map_err(|error| {
                    std::io::Error::new(error.kind(), format!("isolator `{name}`: {error}"))
                }));
        }
        result
    }

    fn has(&self, name: &str) -> bool {
        self.isolators.iter().any(|isolator| isolator.name() == name)
    }

    /// The first thing that a container asks for and would have to run without.
    fn unsupported(&self, container: &v1::ContainerInfo) -> Option<LaunchError> {
        let linux = container.linux_info.as_ref();
        let asked = |field: &dyn Fn(&v1::LinuxInfo) -> bool| linux.is_some_and(field);
        let wants = [
            (needs_capabilities(linux), "linux_info.effective_capabilities", "linux/capabilities"),
            (asked(&|linux| linux.seccomp.is_some()), "linux_info.seccomp", "linux/seccomp"),
            (asked(&v1::LinuxInfo::share_pid_namespace), "linux_info.share_pid_namespace", "namespaces/pid"),
            (
                asked(&|linux| linux.ipc_mode.is_some() || linux.shm_size.is_some()),
                "linux_info.ipc_mode",
                "namespaces/ipc",
            ),
            (container.rlimit_info.is_some(), "rlimit_info", "posix/rlimits"),
        ];
        let missing = wants.into_iter().find(|(is_wanted, _, isolator)| *is_wanted && !self.has(isolator));
        if let Some((_, field, isolator)) = missing {
            return Some(LaunchError::IsolatorMissing { field, isolator });
        }
        container.volumes.iter().find_map(|volume| self.unsupported_volume(volume))
    }

    fn unsupported_volume(&self, volume: &v1::Volume) -> Option<LaunchError> {
        let (field, isolator) = match source(volume) {
            Source::Host(_) => ("volumes (HOST_PATH)", "volume/host_path"),
            Source::OwnSandbox(_) | Source::ParentSandbox(_) => {
                ("volumes (SANDBOX_PATH)", "volume/sandbox_path")
            }
            Source::Secret(_) => ("volumes (SECRET)", "volume/secret"),
            Source::Other(kind) => return Some(LaunchError::VolumeUnsupported { kind }),
        };
        (!self.has(isolator)).then_some(LaunchError::IsolatorMissing { field, isolator })
    }
}

#[expect(deprecated, reason = "older frameworks use the older field")]
fn needs_capabilities(linux: Option<&v1::LinuxInfo>) -> bool {
    linux.is_some_and(|linux| {
        linux.effective_capabilities.is_some()
            || linux.bounding_capabilities.is_some()
            || linux.capability_info.is_some()
    })
}

/// The names that are meant, in the order of [`KNOWN`], with those that are always there.
fn names(isolation: &str) -> Result<Vec<&'static str>, IsolationError> {
    let mut asked: Vec<&str> = Vec::new();
    for name in isolation.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match EXPANDED.iter().find(|(short, _)| *short == name) {
            Some((_, long)) => asked.extend(*long),
            // The machine may not have all of them: that is looked at later.
            None if name == ALL_CGROUPS => asked.extend(KNOWN.iter().filter(|name| is_controlled(name))),
            None => asked.push(name),
        }
    }
    if let Some(name) = asked.iter().find(|name| !KNOWN.contains(name)) {
        let not_built = NOT_BUILT.iter().find(|(known, _)| known == name);
        return Err(match not_built {
            Some((_, why)) => IsolationError::NotBuilt { name: (*name).to_owned(), why },
            None => IsolationError::Unknown((*name).to_owned()),
        });
    }
    match (asked.contains(&"filesystem/posix"), asked.contains(&"filesystem/linux")) {
        (true, true) => return Err(IsolationError::Conflict("filesystem/posix", "filesystem/linux")),
        (false, false) => asked.push("filesystem/posix"),
        (true, false) => {}
        // Compat: whoever can mount can mount volumes.
        (false, true) => asked.extend(["volume/host_path", "volume/sandbox_path"]),
    }
    Ok(KNOWN.iter().copied().filter(|known| asked.contains(known)).collect())
}

fn is_linux(settings: &IsolationSettings) -> Result<bool, IsolationError> {
    match settings.launcher.as_deref() {
        Some("posix") => Ok(false),
        Some("linux") if !tepui_linux::is_root() => Err(IsolationError::NotRoot),
        Some("linux") => Ok(true),
        Some(other) => Err(IsolationError::Launcher(other.to_owned())),
        None => {
            let cgroups = Cgroups::new(&settings.cgroups_hierarchy, &settings.cgroups_root);
            let can_group = cgroups.is_ok_and(|cgroups| cgroups.can_group());
            Ok(tepui_linux::is_root() && can_group)
        }
    }
}

fn find_cgroups(settings: &IsolationSettings) -> Result<Cgroups, IsolationError> {
    let base = &settings.cgroups_hierarchy;
    let cgroups = Cgroups::new(base, &settings.cgroups_root)
        .map_err(|source| IsolationError::Cgroups { base: base.clone(), source })?;
    if cgroups.can_group() {
        Ok(cgroups)
    } else {
        Err(IsolationError::NoCgroup { flag: "launcher", what: "freezer", base: base.clone() })
    }
}

/// What the kernel calls the controller of an isolator, if the machine has it.
fn controller(name: &'static str, cgroups: Option<&Cgroups>) -> Option<&'static str> {
    let own = name.strip_prefix("cgroups/")?;
    let known = match own {
        "mem" => ["memory"; 2],
        // Its names in the two versions.
        "blkio" => ["blkio", "io"],
        _ => [own; 2],
    };
    known.into_iter().find(|known| cgroups.is_some_and(|cgroups| cgroups.controller(known).is_some()))
}

fn make(
    name: &'static str,
    settings: &IsolationSettings,
    cgroups: Option<&Cgroups>,
    can_mount: bool,
) -> Result<Option<Box<dyn Isolator>>, IsolationError> {
    let with_controller = |what: &'static str| -> Result<Cgroups, IsolationError> {
        let base: &Path = &settings.cgroups_hierarchy;
        let cgroups = cgroups.filter(|cgroups| cgroups.controller(what).is_some());
        cgroups.cloned().ok_or(IsolationError::NoCgroup { flag: "isolation", what, base: base.to_owned() })
    };
    Ok(Some(match name {
        "filesystem/posix" => Box::new(Posix),
        "filesystem/linux" => Box::new(Linux),
        "volume/host_path" => Box::new(HostPath { creatable: settings.creatable_host_paths.clone() }),
        "volume/sandbox_path" => Box::new(SandboxPath { can_mount }),
        "volume/secret" if can_mount => Box::new(SecretVolumes),
        "volume/secret" => return Err(IsolationError::NeedsMounts("volume/secret")),
        "posix/cpu" => Box::new(PosixCpu),
        "posix/mem" => Box::new(PosixMemory),
        "posix/rlimits" => Box::new(Rlimits),
        "disk/du" => Box::new(Du { interval: settings.disk_interval, is_enforced: settings.enforces_disk }),
        "cgroups/cpu" => Box::new(Cpu {
            cgroups: with_controller("cpu")?,
            enable_quota: settings.enable_quota,
            is_revocable_low: settings.is_revocable_low,
        }),
        "cgroups/mem" => {
            Box::new(Memory { cgroups: with_controller("memory")?, limits_swap: settings.limits_swap })
        }
        "cgroups/pids" => Box::new(Pids { cgroups: with_controller("pids")? }),
        "cgroups/cpuset" => Box::new(Cpuset { cgroups: with_controller("cpuset")? }),
        "cgroups/devices" => Box::new(Devices { cgroups: with_controller("devices")? }),
        "cgroups/blkio" | "cgroups/hugetlb" | "cgroups/net_cls" | "cgroups/net_prio"
        | "cgroups/perf_event" => {
            let controller = controller(name, cgroups).unwrap_or(name);
            Box::new(Member { name, controller, cgroups: with_controller(controller)? })
        }
        "linux/capabilities" => Box::new(LinuxCapabilities {
            effective: capabilities("effective_capabilities", settings.effective_capabilities.as_ref())?,
            bounding: capabilities("bounding_capabilities", settings.bounding_capabilities.as_ref())?,
        }),
        "linux/nnp" => Box::new(NoNewPrivileges),
        "linux/seccomp" => {
            let profile = settings.seccomp_profile.as_deref();
            Box::new(Seccomp::new(settings.seccomp_folder.as_deref(), profile)?)
        }
        "namespaces/ipc" => Box::new(Ipc {
            disallow_sharing: settings.disallow_sharing_ipc,
            default_shm_bytes: settings.default_shm_bytes,
        }),
        "network/ports" => Box::new(Ports {
            cgroups: cgroups.cloned().ok_or(IsolationError::NeedsLinux("network/ports"))?,
            is_enforced: settings.enforces_ports,
            interval: settings.ports_interval,
            isolated: settings.isolated_ports.clone(),
        }),
        "namespaces/pid" => Box::new(Pid { disallow_sharing: settings.disallow_sharing_pid }),
        // Secrets that are given are always set in the environment.
        _ => return Ok(None),
    }))
}

fn capabilities(
    flag: &'static str,
    info: Option<&v1::CapabilityInfo>,
) -> Result<Option<Capabilities>, IsolationError> {
    let converted = info.map(super::linux::capabilities::convert).transpose();
    converted.map_err(|why| IsolationError::Capabilities { flag, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(isolation: &str, expected: &[&str]) {
        assert_eq!(names(isolation).unwrap(), expected);
    }

    #[test]
    fn names_are_expanded_and_ordered() {
        check("posix/cpu,posix/mem", &["filesystem/posix", "posix/cpu", "posix/mem"]);
        check("cgroups/mem, cgroups/cpu", &["filesystem/posix", "cgroups/cpu", "cgroups/mem"]);
        check("cgroups", &["filesystem/posix", "cgroups/cpu", "cgroups/mem"]);
        let linux = ["filesystem/linux", "volume/host_path", "volume/sandbox_path", "namespaces/pid"];
        check("namespaces/pid,filesystem/linux", &linux);
    }

    #[test]
    fn what_is_unknown_or_not_built_is_said() {
        let error = |isolation: &str| names(isolation).unwrap_err().to_string();
        assert!(error("cgroups/cpu,gpus").starts_with("flag `isolation`: unknown isolator `gpus`\nhint: "));
        assert!(error("gpus").contains("`cgroups/all`"));
        assert!(
            error("network/cni").contains("`network/cni` is not built yet: containers are on the machine's")
        );
        assert!(error("filesystem/posix,filesystem/linux").contains("cannot be used together"));
    }

    #[test]
    fn launchers_are_two() {
        let mut settings = IsolationSettings { launcher: Some("windows".to_owned()), ..Default::default() };
        assert!(matches!(Isolators::new(&settings), Err(IsolationError::Launcher(_))));
        settings.launcher = Some("posix".to_owned());
        assert!(Isolators::new(&settings).unwrap().cgroups().is_none());
        settings.isolation = "namespaces/pid".to_owned();
        assert!(matches!(Isolators::new(&settings), Err(IsolationError::NeedsLinux("namespaces/pid"))));
    }

    #[test]
    fn a_container_is_not_run_without_what_it_asks_for() {
        let settings = IsolationSettings { launcher: Some("posix".to_owned()), ..Default::default() };
        let isolators = Isolators::new(&settings).unwrap();
        let unsupported = |container: &v1::ContainerInfo| {
            isolators.unsupported(container).map(|error| error.to_string()).unwrap_or_default()
        };
        let plain = v1::ContainerInfo::default();
        assert_eq!(unsupported(&plain), "");
        let limited = v1::ContainerInfo { rlimit_info: Some(v1::RLimitInfo::default()), ..plain.clone() };
        assert!(unsupported(&limited).contains("`rlimit_info`"));
        let shares = v1::LinuxInfo { share_cgroups: Some(false), ..v1::LinuxInfo::default() };
        assert_eq!(unsupported(&v1::ContainerInfo { linux_info: Some(shares), ..plain.clone() }), "");
        let volume = v1::Volume { container_path: "a".to_owned(), ..v1::Volume::default() };
        let with_volume = v1::ContainerInfo { volumes: vec![volume], ..plain };
        assert!(unsupported(&with_volume).contains("`image`"));
    }
}
