//! The address of an actor of the old protocol: `id@ip:port`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// Names a master, an agent, a driver or an executor on the link: `master@10.0.0.1:5050`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upid {
    /// The actor's name in its process, such as `master` or `slave(1)`.
    pub id: Arc<str>,
    /// Where its process listens.
    pub address: SocketAddr,
}

/// A text that does not name an actor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpidError {
    /// There is no `@`.
    #[error("`{0}` has no `@` between an id and an address")]
    NoAddress(String),
    /// Nothing stands before the `@`.
    #[error("`{0}` has no id before its `@`")]
    NoId(String),
    /// What stands behind the `@` is no `ip:port`.
    #[error("`{address}` in `{text}` is not an `ip:port`")]
    BadAddress {
        /// The whole text.
        text: String,
        /// The part behind the `@`.
        address: String,
    },
}

impl Upid {
    /// Names the actor `id` of the process that listens on `address`.
    pub fn new(id: impl Into<Arc<str>>, address: SocketAddr) -> Self {
        Self { id: id.into(), address }
    }
}

impl Upid {
    /// The text of the address without its port. Each offer says it.
    pub fn ip_text(&self) -> String {
        match self.address.ip() {
            IpAddr::V4(ip) => {
                let mut text = String::with_capacity("255.255.255.255".len());
                push_ip(ip, &mut text);
                text
            }
            IpAddr::V6(ip) => ip.to_string(),
        }
    }
}

/// Appends an address without the machinery of formats.
fn push_ip(ip: Ipv4Addr, text: &mut String) {
    for (i, octet) in ip.octets().into_iter().enumerate() {
        if i > 0 {
            text.push('.');
        }
        for (place, least) in [(100, 100), (10, 10), (1, 0)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / place % 10));
            }
        }
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.address)
    }
}

impl fmt::Debug for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upid({self})")
    }
}

impl FromStr for Upid {
    type Err = UpidError;

    fn from_str(text: &str) -> Result<Self, UpidError> {
        let (id, address) = text.split_once('@').ok_or_else(|| UpidError::NoAddress(text.to_owned()))?;
        if id.is_empty() {
            return Err(UpidError::NoId(text.to_owned()));
        }
        let parsed = address
            .parse()
            .map_err(|_| UpidError::BadAddress { text: text.to_owned(), address: address.to_owned() })?;
        Ok(Self::new(id, parsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upids_round_trip() {
        for text in ["master@127.0.0.1:5050", "slave(1)@10.0.0.9:5051", "scheduler-3f@[::1]:80"] {
            assert_eq!(text.parse::<Upid>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn addresses_are_written_as_usual() {
        for ip in ["0.0.0.0", "10.0.105.9", "255.100.99.1", "::1", "fe80::5"] {
            let upid = Upid::new("master", SocketAddr::new(ip.parse().unwrap(), 5050));
            assert_eq!(upid.ip_text(), ip);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| text.parse::<Upid>().unwrap_err().to_string();
        assert_eq!(error("master"), "`master` has no `@` between an id and an address");
        assert_eq!(error("@1.2.3.4:5"), "`@1.2.3.4:5` has no id before its `@`");
        assert_eq!(error("a@1.2.3.4"), "`1.2.3.4` in `a@1.2.3.4` is not an `ip:port`");
        assert_eq!(error("a@1.2.3.4:99999"), "`1.2.3.4:99999` in `a@1.2.3.4:99999` is not an `ip:port`");
    }
}
