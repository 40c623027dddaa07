//! `--zk`, `--etcd`, `--registry` and what belongs to them: where the leader is elected, and where the registry is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tepui_flags::Values;
use tepui_ha::Spec;
use tepui_storage::{EtcdConfig, ZooKeeperConfig};

use super::ConfigError;
use crate::{ElectionConfig, RegistryConfig};

/// The embedded registry's file below `--work_dir`.
const FILE: &str = "registry.redb";

/// How long one request to the registry's servers may take, at most.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads `--zk` and `--etcd`.
pub(super) fn election(values: &Values) -> Result<Option<ElectionConfig>, ConfigError> {
    let (flag, timeout) = match (values.text("zk"), values.text("etcd")) {
        (None, None) => return Ok(None),
        (Some(_), None) => ("zk", "zk_session_timeout"),
        (None, Some(_)) => ("etcd", "etcd_session_timeout"),
        (Some(_), Some(_)) => {
            return Err(ConfigError::Combination {
                flag: "etcd",
                problem: "the leader is elected in one place, and `zk` is given too".to_owned(),
                hint: "to keep only the registry in etcd, give --registry=etcd://...",
            });
        }
    };
    let spec = parse(flag, values.text(flag).unwrap_or_default())?;
    // Either flag takes either kind: what counts is what it says.
    if let Spec::Masters(_) = &spec {
        return Err(ConfigError::Combination {
            flag,
            problem: "masters are not elected by masters".to_owned(),
            hint: "give --zk=zk://... or --etcd=etcd://...",
        });
    }
    Ok(Some(ElectionConfig { spec, session_timeout: values.duration(timeout).unwrap_or_default() }))
}

/// Reads `--registry`.
pub(super) fn registry(
    values: &Values,
    election: Option<&ElectionConfig>,
) -> Result<RegistryConfig, ConfigError> {
    let work_dir = values.text("work_dir").map(Path::new);
    let elected_in = election.map(|election| &election.spec);
    let missing = |problem: &str, hint| ConfigError::Combination {
        flag: "registry",
        problem: problem.to_owned(),
        hint,
    };
    match values.text("registry").unwrap_or("replicated_log") {
        "in_memory" => Ok(RegistryConfig::InMemory),
        "embedded" => match work_dir {
            Some(folder) => Ok(RegistryConfig::Embedded(file(folder))),
            None => Err(missing("`embedded` needs a folder", "give --work_dir=/var/lib/mesos, say")),
        },
        "zookeeper" | "zk" => match elected_in {
            Some(spec @ Spec::ZooKeeper(_)) => Ok(remote(values, spec.clone())),
            Some(Spec::Etcd(_) | Spec::Masters(_)) | None => {
                Err(missing("`zookeeper` is that of `zk`, which is not given", "give --registry=zk://..."))
            }
        },
        "etcd" => match elected_in {
            Some(spec @ Spec::Etcd(_)) => Ok(remote(values, spec.clone())),
            Some(Spec::ZooKeeper(_) | Spec::Masters(_)) | None => {
                Err(missing("`etcd` is that of `etcd`, which is not given", "give --registry=etcd://..."))
            }
        },
        // Today's unit files, and those that say nothing.
        "replicated_log" => Ok(match (elected_in, work_dir) {
            (Some(spec), _) => remote(values, spec.clone()),
            (None, Some(folder)) => RegistryConfig::Embedded(file(folder)),
            (None, None) if values.is_given("registry") => {
                return Err(missing(
                    "`replicated_log` needs a folder",
                    "give --work_dir=/var/lib/mesos, say",
                ));
            }
            (None, None) => RegistryConfig::InMemory,
        }),
        location if location.contains("://") => match parse("registry", location)? {
            spec @ (Spec::ZooKeeper(_) | Spec::Etcd(_)) => Ok(remote(values, spec)),
            Spec::Masters(_) => Err(missing("it names masters", "name an etcd or a ZooKeeper")),
        },
        other => Err(missing(
            &format!("there is no registry `{other}`"),
            "give embedded, zookeeper, etcd, in_memory, zk://... or etcd://...",
        )),
    }
}

fn parse(flag: &'static str, text: &str) -> Result<Spec, ConfigError> {
    Spec::parse(text).map_err(|source| ConfigError::Location { flag, source })
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn remote(values: &Values, spec: Spec) -> RegistryConfig {
    let store_timeout = values.duration("registry_store_timeout").unwrap_or_default();
    let timeout = (store_timeout / 4).clamp(Duration::from_millis(100), MAX_REQUEST_TIMEOUT);
    match spec {
        Spec::ZooKeeper(url) => RegistryConfig::ZooKeeper(ZooKeeperConfig {
            servers: url.servers,
            path: url.path,
            credentials: url.credentials,
            session_timeout: values.duration("zk_session_timeout").unwrap_or_default(),
            timeout,
        }),
        Spec::Etcd(spec) => RegistryConfig::Etcd(EtcdConfig { spec, timeout }),
        Spec::Masters(_) => RegistryConfig::InMemory,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::flags::FLAGS;

    fn check(args: &[&str]) -> Result<String, String> {
        let values = FLAGS.parse_with(args, &BTreeMap::new()).map_err(|error| error.to_string())?;
        let election = election(&values).map_err(|error| error.to_string())?;
        let registry = registry(&values, election.as_ref()).map_err(|error| error.to_string())?;
        let registry = match registry {
            RegistryConfig::InMemory => "memory".to_owned(),
            RegistryConfig::Embedded(path) => path.display().to_string(),
            RegistryConfig::Etcd(config) => format!("etcd {}", config.spec.prefix),
            RegistryConfig::ZooKeeper(config) => format!("zk {}", config.path),
        };
        Ok(format!("{} {registry}", if election.is_some() { "elected" } else { "alone" }))
    }

    #[test]
    fn the_registry_is_where_the_flags_say_and_else_where_the_leader_is_elected() {
        let zk = "--zk=zk://h:1/mesos";
        let etcd = "--etcd=etcd://h:1/tepui";
        for (args, expected) in [
            (&[][..], "alone memory"),
            (&["--work_dir=/w"], "alone /w/registry.redb"),
            (&["--work_dir=/w", "--registry=in_memory"], "alone memory"),
            (&["--work_dir=/w", "--registry=embedded"], "alone /w/registry.redb"),
            (&[zk, "--work_dir=/w", "--quorum=2", "--registry=replicated_log"], "elected zk /mesos"),
            (&[zk], "elected zk /mesos"),
            (&[zk, "--registry=zookeeper"], "elected zk /mesos"),
            (&[zk, "--registry=etcd://h:1/p"], "elected etcd /p"),
            (&[etcd], "elected etcd /tepui"),
            (&[etcd, "--registry=etcd"], "elected etcd /tepui"),
            (&["--registry=zk://h:1/x"], "alone zk /x"),
        ] {
            assert_eq!(check(args).as_deref(), Ok(expected), "{args:?}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_a_hint() {
        for (args, expected) in [
            (&["--registry=embedded"][..], "--work_dir"),
            (&["--registry=replicated_log"], "--work_dir"),
            (&["--registry=zookeeper"], "--registry=zk://"),
            (&["--registry=etcd"], "--registry=etcd://"),
            (&["--registry=nonsense"], "there is no registry `nonsense`"),
            (&["--zk=zk://h:1/m", "--etcd=etcd://h:1/m"], "--registry=etcd://"),
            (&["--zk=127.0.0.1:5050"], "--zk=zk://"),
            (&["--zk=zk://h:1/"], "'/' is not supported"),
        ] {
            let error = check(args).unwrap_err();
            assert!(error.contains(expected), "{args:?}: {error}");
        }
    }
}
