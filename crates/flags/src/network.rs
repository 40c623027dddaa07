//! Where a daemon listens and what it tells others: `--ip`, `--port`, `--advertise_*`, `--hostname`, `LIBPROCESS_*`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use thiserror::Error;

use crate::values::Values;

/// Where a daemon listens, and what it advertises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Bind here.
    pub listen: SocketAddr,
    /// Peers find us at this address; its port is 0 if `listen` has port 0 and none was advertised.
    pub advertised: SocketAddr,
    /// The host name that we show.
    pub hostname: String,
}

/// An address that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NetworkError {
    /// Not an IP address.
    #[error("flag `{name}`: `{value}` is not an IP address")]
    Ip {
        /// The flag or variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// The command that should print our address did not.
    #[error("flag `ip_discovery_command`: {0}")]
    Discovery(String),
    /// Not a port.
    #[error("flag `{name}`: `{value}` is not a port (0 to 65535)")]
    Port {
        /// The flag or variable.
        name: String,
        /// Its value.
        value: String,
    },
}

/// Reads the flags `ip`, `port`, `advertise_ip`, `advertise_port`, `hostname` and `hostname_lookup`, and for what they
/// leave out the variables `LIBPROCESS_IP`, `LIBPROCESS_PORT`, `LIBPROCESS_ADVERTISE_IP`, `LIBPROCESS_ADVERTISE_PORT`.
///
/// # Errors
/// A value is not an address or a port.
pub fn addresses(
    values: &Values,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Addresses, NetworkError> {
    let given = |name: &'static str| {
        let variable = format!("LIBPROCESS_{}", name.to_uppercase());
        match values.text(name).filter(|_| values.is_given(name)) {
            Some(value) => Some((name.to_owned(), value.to_owned())),
            None => environment(&variable).map(|value| (variable, value)),
        }
    };
    let ip = match values.text("ip_discovery_command") {
        Some(_) if values.is_given("ip") => {
            return Err(NetworkError::Discovery("give only one of it and `ip`".to_owned()));
        }
        Some(command) => Some(parse_ip(("ip_discovery_command".to_owned(), discover(command)?))?),
        None => given("ip").map(parse_ip).transpose()?,
    };
    let port = given("port").map(parse_port).transpose()?;
    let default_port = values.integer("port").and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let listen = SocketAddr::new(ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port.unwrap_or(default_port));
    let advertise_ip = given("advertise_ip").map(parse_ip).transpose()?;
    let advertise_port = given("advertise_port").map(parse_port).transpose()?;
    let own_name = own_hostname();
    let reachable = advertise_ip
        .unwrap_or_else(|| if listen.ip().is_unspecified() { resolve(&own_name) } else { listen.ip() });
    let hostname = match values.text("hostname") {
        Some(hostname) => hostname.to_owned(),
        None if !values.bool("hostname_lookup") => reachable.to_string(),
        None if reachable.is_loopback() => "localhost".to_owned(),
        None => own_name,
    };
    let advertised = SocketAddr::new(reachable, advertise_port.unwrap_or(listen.port()));
    Ok(Addresses { listen, advertised, hostname })
}

/// What the operator's own command prints.
fn discover(command: &str) -> Result<String, NetworkError> {
    let output = std::process::Command::new("/bin/sh").args(["-c", command]).output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(NetworkError::Discovery(format!("`{command}` failed: {}", output.status))),
        Err(error) => Err(NetworkError::Discovery(format!("failed to start `{command}`: {error}"))),
    }
}

fn parse_ip((name, value): (String, String)) -> Result<IpAddr, NetworkError> {
    value.trim().parse().map_err(|_| NetworkError::Ip { name, value })
}

fn parse_port((name, value): (String, String)) -> Result<u16, NetworkError> {
    value.trim().parse().map_err(|_| NetworkError::Port { name, value })
}

fn own_hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// The first IPv4 address of `name`, as libprocess does; the loopback address if it has none.
fn resolve(name: &str) -> IpAddr {
    let found = (name, 0).to_socket_addrs().ok().and_then(|mut all| all.find(SocketAddr::is_ipv4));
    found.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}
