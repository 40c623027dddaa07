//! `network/ports`: looks which ports containers listen on, and ends those that use others than they were given.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1;
use tepui_types::{ContainerId, Range, Ranges};
use tracing::{info, warn};

use crate::ContainerConfig;
use crate::isolator::cgroups::Cgroups;
use crate::isolator::{Isolator, Latest, Limitation, Watch};

/// What the kernel calls the state of a socket that listens.
const LISTENS: &str = "0A";

#[derive(Debug)]
pub(crate) struct Ports {
    /// By which the processes of containers are found.
    pub(crate) cgroups: Cgroups,
    /// `--enforce_container_ports`.
    pub(crate) is_enforced: bool,
    /// `--container_ports_watch_interval`.
    pub(crate) interval: Duration,
    /// The ports that are watched; all if absent.
    pub(crate) isolated: Option<Ranges>,
}

/// A container that listens on ports that it was not given.
struct Trespass {
    container: ContainerId,
    ports: Ranges,
}

impl Isolator for Ports {
    fn name(&self) -> &'static str {
        "network/ports"
    }

    /// Nested containers have no ports of their own: the outermost one is looked after with all in it, and ended.
    fn watch(&self, config: &ContainerConfig, latest: &Latest) -> Option<Watch> {
        if config.container_id.parent().is_some() {
            return None;
        }
        let (cgroups, isolated, is_enforced) =
            (self.cgroups.clone(), self.isolated.clone(), self.is_enforced);
        let latest = Arc::clone(latest);
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Some(Box::pin(async move {
            let mut known: Option<String> = None;
            // The first tick comes at once, when the container has just been started.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let Some(config) = latest() else { continue };
                let (cgroups, isolated) = (cgroups.clone(), isolated.clone());
                let looked = tokio::task::spawn_blocking(move || find(&cgroups, isolated.as_ref(), &config));
                let Trespass { container, ports } = match looked.await {
                    Ok(Ok(Some(trespass))) => trespass,
                    Ok(Err(error)) => {
                        warn!(%error, "failed to look which ports a container listens on");
                        continue;
                    }
                    Ok(Ok(None)) | Err(_) => continue,
                };
                let message = format!("Container {container} is listening on unallocated port(s): {ports}");
                if is_enforced {
                    return limitation(&ports, message);
                }
                // Said once, not every time.
                if known.as_ref() != Some(&message) {
                    info!("{message}");
                    known = Some(message);
                }
            }
        }))
    }
}

#[expect(deprecated, reason = "resources of limits have the older form of the role, as Mesos' have")]
fn limitation(ports: &Ranges, message: String) -> Limitation {
    let resource = v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges.into(),
        ranges: Some(ports.to_proto()),
        role: Some("*".to_owned()),
        ..v1::Resource::default()
    };
    Limitation { resources: vec![resource], message, reason: v1::task_status::Reason::ContainerLimitation }
}

/// The first of a container and those in it that listens where it may not.
fn find(
    cgroups: &Cgroups,
    isolated: Option<&Ranges>,
    config: &ContainerConfig,
) -> io::Result<Option<Trespass>> {
    let listeners = listeners()?;
    if listeners.is_empty() {
        return Ok(None);
    }
    let given = given(config);
    for (container, processes) in cgroups.members(&config.container_id) {
        let sockets = processes.into_iter().flat_map(sockets);
        let ports: BTreeSet<u64> = sockets.filter_map(|inode| listeners.get(&inode).copied()).collect();
        let is_foreign = |port: &u64| {
            isolated.is_none_or(|isolated| isolated.contains_value(*port)) && !given.contains_value(*port)
        };
        let foreign = ports.into_iter().filter(is_foreign).map(|port| Range { begin: port, end: port });
        let ports = Ranges::new(foreign);
        if !ports.is_empty() {
            return Ok(Some(Trespass { container, ports }));
        }
    }
    Ok(None)
}

/// The ports that a container was given, over all roles.
fn given(config: &ContainerConfig) -> Ranges {
    let resources = config.resources.iter().filter(|resource| resource.name == "ports");
    let ranges = resources.filter_map(|resource| resource.ranges.as_ref()).flat_map(|ranges| &ranges.range);
    Ranges::new(ranges.map(|range| Range { begin: range.begin, end: range.end }))
}

/// The ports that anybody on the machine's network listens on, by the number of the socket.
fn listeners() -> io::Result<BTreeMap<u64, u64>> {
    let mut found = BTreeMap::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(file) {
            Ok(table) => found.extend(table.lines().filter_map(listener)),
            // A machine without version 6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The socket and port of a line of the table, if it listens.
fn listener(line: &str) -> Option<(u64, u64)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let port = u64::from_str_radix(address.rsplit_once(':')?.1, 16).ok()?;
    (*state == LISTENS).then_some((inode.parse().ok()?, port))
}

/// The sockets that a process has open; none if it is gone.
fn sockets(pid: u32) -> Vec<u64> {
    let Ok(files) = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) else {
        return Vec::new();
    };
    let socket = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    files.flatten().filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listeners_count() {
        let line = |state: &str| {
            format!(
                "   0: 0100007F:1F90 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0"
            )
        };
        assert_eq!(listener(&line("0A")), Some((4711, 8080)));
        assert_eq!(listener(&line("01")), None);
        assert_eq!(listener("  sl  local_address rem_address   st tx_queue"), None);
    }

    #[test]
    fn our_own_listener_is_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = u64::from(socket.local_addr().unwrap().port());
        let listeners = listeners().unwrap();
        let ours = sockets(std::process::id());
        assert!(ours.iter().any(|inode| listeners.get(inode) == Some(&port)));
    }
}
