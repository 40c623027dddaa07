//! From flags to checked settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tepui_agent_core::{ReconfigurationPolicy, Recover};
use tepui_containerizer::IsolationSettings;
use tepui_fetcher::FetcherConfig;
use tepui_flags::{Addresses, Values};
use tepui_ha::{Spec, SpecError};
use tepui_proto::v1;
use tepui_types::{
    Attributes, AttributesError, Range, Ranges, Resources, ResourcesError, RoleError, Upid, Value,
    parse_value, validate_role,
};
use tepui_wire::ContentType;
use thiserror::Error;

use crate::container_logger::logger;
use crate::machine::DEFAULT_PORTS;
use crate::{Config, GcConfig, ModuleError, Systemd};

/// A flag whose value makes no sense.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A flag that must be given was not.
    #[error("flag `{flag}` is missing\nhint: {hint}")]
    Missing {
        /// The flag.
        flag: &'static str,
        /// What to give.
        hint: &'static str,
    },
    /// `--master` says nowhere to look.
    #[error(
        "flag `master`: {0}\nhint: give host:port, several of them, zk://host:port/path, etcd://host:port/prefix, or file://path"
    )]
    Master(#[from] SpecError),
    /// `--resources` is malformed.
    #[error("flag `resources`: failed to read `{value}`")]
    Resources {
        /// As it was given.
        value: String,
        /// What is wrong with it.
        source: ResourcesError,
    },
    /// `--attributes` is malformed.
    #[error("flag `attributes`: {0}")]
    Attributes(#[from] AttributesError),
    /// A flag has none of its values.
    #[error("flag `{flag}`: expected {choices}, got `{given}`")]
    Choice {
        /// The flag.
        flag: &'static str,
        /// Its value.
        given: String,
        /// What it may be.
        choices: &'static str,
    },
    /// `--default_role` is none.
    #[error("flag `default_role`: {0}")]
    Role(#[from] RoleError),
    /// A set of capabilities is malformed.
    #[error("flag `{flag}`: {why}\nhint: give JSON, as in {{\"capabilities\":[\"NET_RAW\"]}}")]
    Capabilities {
        /// Which flag.
        flag: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Modules that cannot be had.
    #[error(transparent)]
    Modules(#[from] ModuleError),
    /// `--executor_environment_variables` is no JSON object of texts.
    #[error("flag `executor_environment_variables`: {0}\nhint: give a JSON object of texts")]
    Environment(#[from] serde_json::Error),
}

impl Config {
    /// Checks the values of [`crate::flags::FLAGS`]; `addresses` are those of the bound listener, `command_executor` is how
    /// the command executor is started.
    ///
    /// # Errors
    /// A value is missing or makes no sense.
    pub fn from_flags(
        values: &Values,
        addresses: &Addresses,
        command_executor: v1::CommandInfo,
    ) -> Result<Self, ConfigError> {
        let master = values.text("master").ok_or(ConfigError::Missing {
            flag: "master",
            hint: "say where the master is, as in --master=127.0.0.1:5050",
        })?;
        let core = core(values, addresses, command_executor)?;
        let mut config = Self::new(core, Spec::parse(master)?);
        let resources = values.text("resources").unwrap_or_default();
        config.named_resources = Resources::names_in(resources)
            .map_err(|source| ConfigError::Resources { value: resources.to_owned(), source })?;
        config.master_session_timeout = values.duration("zk_session_timeout").unwrap_or_default();
        if let Some(folder) = values.text("runtime_dir") {
            config.runtime_dir = PathBuf::from(folder);
        }
        set_fetcher(&mut config.fetcher, values);
        config.isolation = isolation(values, &config)?;
        let text = |flag| values.text(flag);
        config.logger = logger(text("container_logger"), text("modules"), text("modules_dir"))?;
        let gc = GcConfig::default();
        config.gc = GcConfig {
            delay: values.duration("gc_delay").unwrap_or(gc.delay),
            disk_headroom: values.number("gc_disk_headroom").unwrap_or(gc.disk_headroom),
            disk_watch_interval: values.duration("disk_watch_interval").unwrap_or(gc.disk_watch_interval),
        };
        if !(0.0..=1.0).contains(&config.gc.disk_headroom) {
            let given = config.gc.disk_headroom.to_string();
            return Err(choice("gc_disk_headroom", &given, "a number from 0 to 1"));
        }
        config.heartbeat_interval =
            values.duration("http_heartbeat_interval").unwrap_or(config.heartbeat_interval);
        if values.bool("systemd_enable_support") {
            let folder = values.text("systemd_runtime_directory").unwrap_or("/run/systemd/system");
            config.systemd = Some(Systemd {
                runtime_directory: folder.into(),
                cgroups_hierarchy: config.isolation.cgroups_hierarchy.clone(),
                control: "systemctl".into(),
            });
        }
        config.strict = values.bool("strict");
        config.flags = values.shown();
        Ok(config)
    }
}

fn set_fetcher(fetcher: &mut FetcherConfig, values: &Values) {
    if let Some(folder) = values.text("fetcher_cache_dir") {
        fetcher.cache_dir = folder.into();
    }
    if let Some(bytes) = values.bytes("fetcher_cache_size") {
        fetcher.cache_bytes = bytes;
    }
    if let Some(timeout) = values.duration("fetcher_stall_timeout") {
        fetcher.stall_timeout = timeout;
    }
    fetcher.frameworks_home = values.text("frameworks_home").map(str::to_owned);
}

fn core(
    values: &Values,
    addresses: &Addresses,
    command_executor: v1::CommandInfo,
) -> Result<tepui_agent_core::Config, ConfigError> {
    let work_dir = values.text("work_dir").ok_or(ConfigError::Missing {
        flag: "work_dir",
        hint: "name a folder for sandboxes, as in --work_dir=/var/lib/mesos",
    })?;
    let pid = Upid { id: "slave(1)".into(), address: addresses.advertised };
    let mut core = tepui_agent_core::Config::new(pid, addresses.hostname.clone(), work_dir);
    let default_role = values.text("default_role").unwrap_or(tepui_types::DEFAULT_ROLE);
    validate_role(default_role)?;
    let resources = values.text("resources").unwrap_or_default();
    core.resources = Resources::parse(resources, default_role)
        .map_err(|source| ConfigError::Resources { value: resources.to_owned(), source })?
        .to_protos();
    core.attributes = Attributes::parse(values.text("attributes").unwrap_or_default())?.to_protos();
    core.default_executor = named(&command_executor, "default");
    core.command_executor = command_executor;
    core.recover = match values.text("recover") {
        None | Some("reconnect") => Recover::Reconnect,
        Some("cleanup") => Recover::Cleanup,
        Some(other) => return Err(choice("recover", other, "reconnect or cleanup")),
    };
    core.reconfiguration_policy = match values.text("reconfiguration_policy") {
        None | Some("equal") => ReconfigurationPolicy::Equal,
        Some("additive") => ReconfigurationPolicy::Additive,
        Some(other) => return Err(choice("reconfiguration_policy", other, "equal or additive")),
    };
    core.executor_reregistration_retry_interval = values.duration("executor_reregistration_retry_interval");
    core.switch_user = values.bool("switch_user");
    core.http_command_executor = values.bool("http_command_executor");
    core.executor_environment_variables = match values.text("executor_environment_variables") {
        Some(json) => serde_json::from_str(json)?,
        None => inherited_environment(std::env::vars()),
    };
    core.libprocess_ip = std::env::var("LIBPROCESS_IP").ok();
    for (field, flag) in [
        (&mut core.registration_backoff_factor, "registration_backoff_factor"),
        (&mut core.executor_registration_timeout, "executor_registration_timeout"),
        (&mut core.executor_shutdown_grace_period, "executor_shutdown_grace_period"),
        (&mut core.executor_reregistration_timeout, "executor_reregistration_timeout"),
        (&mut core.recovery_timeout, "recovery_timeout"),
    ] {
        if let Some(value) = values.duration(flag) {
            *field = value;
        }
    }
    if let Some(count) = values.integer("max_completed_executors_per_framework") {
        core.max_completed_executors_per_framework = usize::try_from(count).unwrap_or(usize::MAX);
    }
    Ok(core)
}

/// What the flags say about isolation. What they ask for is made, or refused, by the containerizer.
fn isolation(values: &Values, config: &Config) -> Result<IsolationSettings, ConfigError> {
    let text = |flag: &str| values.text(flag).map(str::to_owned);
    let folders = values.text("host_path_volume_force_creation").unwrap_or_default();
    let defaults = IsolationSettings::default();
    Ok(IsolationSettings {
        launcher: text("launcher"),
        isolation: text("isolation").unwrap_or(defaults.isolation),
        cgroups_hierarchy: text("cgroups_hierarchy").map_or(defaults.cgroups_hierarchy, PathBuf::from),
        cgroups_root: text("cgroups_root").unwrap_or(defaults.cgroups_root),
        enable_quota: values.bool("cgroups_enable_cfs"),
        limits_swap: values.bool("cgroups_limit_swap"),
        is_revocable_low: values.bool("revocable_cpu_low_priority"),
        disk_interval: values.duration("container_disk_watch_interval").unwrap_or(defaults.disk_interval),
        enforces_disk: values.bool("enforce_container_disk_quota"),
        disallow_sharing_pid: values.bool("disallow_sharing_agent_pid_namespace"),
        disallow_sharing_ipc: values.bool("disallow_sharing_agent_ipc_namespace"),
        default_shm_bytes: values.bytes("default_container_shm_size"),
        effective_capabilities: capabilities(values, "effective_capabilities")?,
        bounding_capabilities: capabilities(values, "bounding_capabilities")?,
        enforces_ports: values.bool("enforce_container_ports"),
        ports_interval: values.duration("container_ports_watch_interval").unwrap_or(defaults.ports_interval),
        isolated_ports: isolated_ports(values, config)?,
        seccomp_folder: text("seccomp_config_dir").map(PathBuf::from),
        seccomp_profile: text("seccomp_profile_name"),
        creatable_host_paths: folders.split(':').filter(|it| !it.is_empty()).map(PathBuf::from).collect(),
    })
}

/// The ports that are watched; all if absent.
fn isolated_ports(values: &Values, config: &Config) -> Result<Option<Ranges>, ConfigError> {
    let flag = "container_ports_isolated_range";
    let range = values.text(flag);
    if !values.bool("check_agent_port_range_only") {
        let Some(range) = range else { return Ok(None) };
        return match parse_value(range) {
            Ok(Value::Ranges(ranges)) => Ok(Some(ranges)),
            Ok(Value::Scalar(_) | Value::Set(_) | Value::Text(_)) | Err(_) => {
                Err(choice(flag, range, "ranges, such as [1-1023]"))
            }
        };
    }
    if let Some(range) = range {
        return Err(choice(flag, range, "nothing beside --check_agent_port_range_only"));
    }
    // `ports:[]` names them, and there are none.
    if !config.named_resources.contains("ports") {
        let (begin, end) = DEFAULT_PORTS;
        return Ok(Some(Ranges::new([Range { begin, end }])));
    }
    let named = config.core.resources.iter().filter(|resource| resource.name == "ports");
    let ranges = named.filter_map(|resource| resource.ranges.as_ref()).flat_map(|ranges| &ranges.range);
    Ok(Some(Ranges::new(ranges.map(|range| Range { begin: range.begin, end: range.end }))))
}

fn capabilities(values: &Values, flag: &'static str) -> Result<Option<v1::CapabilityInfo>, ConfigError> {
    let Some(json) = values.text(flag) else { return Ok(None) };
    let read = tepui_wire::decode(ContentType::Json, json.as_bytes());
    read.map(Some).map_err(|error| ConfigError::Capabilities { flag, why: error.to_string() })
}

/// Another of our executors, started as the given one is.
fn named(like: &v1::CommandInfo, name: &str) -> v1::CommandInfo {
    let mut command = like.clone();
    if let Some(last) = command.arguments.last_mut() {
        name.clone_into(last);
    }
    command
}

fn choice(flag: &'static str, given: &str, choices: &'static str) -> ConfigError {
    ConfigError::Choice { flag, given: given.to_owned(), choices }
}

/// What executors inherit of the agent's own environment: all but the agent's own settings.
fn inherited_environment(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    variables.filter(|(name, _)| !name.starts_with("LIBPROCESS_") && !name.starts_with("MESOS_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::FLAGS;

    fn check(args: &[&str]) -> Result<Config, String> {
        let values = FLAGS.parse_with(args, &BTreeMap::new()).map_err(|error| error.to_string())?;
        let addresses = Addresses {
            listen: "127.0.0.1:5051".parse().unwrap(),
            advertised: "127.0.0.1:5051".parse().unwrap(),
            hostname: "localhost".to_owned(),
        };
        Config::from_flags(&values, &addresses, v1::CommandInfo::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_make_settings() {
        let config = check(&[
            "--master=127.0.0.1:5050",
            "--work_dir=/tmp/w",
            "--resources=cpus:4;mem:1024",
            "--default_role=web",
            "--attributes=rack:a",
            "--fetcher_cache_size=64MB",
            "--frameworks_home=/home",
            "--executor_environment_variables={\"A\":\"b\"}",
        ])
        .unwrap();
        assert_eq!(config.core.pid.to_string(), "slave(1)@127.0.0.1:5051");
        assert_eq!(config.core.resources.len(), 2);
        assert_eq!(config.fetcher.cache_bytes, 64 << 20);
        assert_eq!(config.fetcher.frameworks_home.as_deref(), Some("/home"));
        assert_eq!(config.core.resources[0].reservations.len(), 1);
        assert_eq!(config.core.attributes[0].name, "rack");
        assert_eq!(config.core.executor_environment_variables["A"], "b");
    }

    #[test]
    fn what_is_missing_or_malformed_is_said() {
        let master = "--master=127.0.0.1:5050";
        let work_dir = "--work_dir=/tmp/w";
        assert!(check(&[work_dir]).unwrap_err().contains("flag `master` is missing"));
        assert!(check(&[master]).unwrap_err().contains("flag `work_dir` is missing"));
        assert!(check(&["--master=zk://h:1", work_dir]).unwrap_err().contains("zk://host:port/path"));
        assert!(check(&["--master=zk://h:1/mesos", work_dir]).is_ok());
        assert!(check(&[master, work_dir, "--resources=cpus:four"]).unwrap_err().contains("`cpus:four`"));
        assert!(check(&[master, work_dir, "--attributes=x"]).unwrap_err().contains("attributes"));
        assert!(check(&[master, work_dir, "--default_role=a b"]).unwrap_err().contains("default_role"));
        let bad = check(&[master, work_dir, "--executor_environment_variables={\"A\":1}"]);
        assert!(bad.unwrap_err().contains("JSON object of texts"));
    }

    #[test]
    fn watched_ports_are_all_or_named_or_the_agent_s() {
        let ports = |more: &[&str]| {
            let mut args = vec!["--master=127.0.0.1:5050", "--work_dir=/tmp/w"];
            args.extend(more);
            let ports = check(&args).map(|config| config.isolation.isolated_ports);
            ports.map(|ports| ports.map_or_else(|| "all".to_owned(), |ports| ports.to_string()))
        };
        assert_eq!(ports(&[]).unwrap(), "all");
        assert_eq!(ports(&["--container_ports_isolated_range=[1-5, 7-8]"]).unwrap(), "[1-5, 7-8]");
        assert_eq!(ports(&["--check_agent_port_range_only"]).unwrap(), "[31000-32000]");
        let given = ["--check_agent_port_range_only", "--resources=ports:[5-6]"];
        assert_eq!(ports(&given).unwrap(), "[5-6]");
        let none = ["--check_agent_port_range_only", "--resources=ports:[]"];
        assert_eq!(ports(&none).unwrap(), "[]");
        assert!(ports(&["--container_ports_isolated_range=5"]).unwrap_err().contains("[1-1023]"));
        let both = ["--check_agent_port_range_only", "--container_ports_isolated_range=[1-5]"];
        assert!(ports(&both).unwrap_err().contains("nothing beside"));
    }

    #[test]
    fn executors_do_not_inherit_the_agent_s_settings() {
        let variables = [("PATH", "/bin"), ("MESOS_PORT", "1"), ("LIBPROCESS_PORT", "1")];
        let own = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(inherited_environment(own.into_iter()).into_keys().collect::<Vec<_>>(), ["PATH"]);
    }
}
