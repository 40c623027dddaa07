//! Where a master or an agent listens.

use std::fmt;
use std::str::FromStr;

/// A host and a port, as in `10.0.0.1:5050`, `http://master.example:5050` or `[::1]:5050`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an IP address, without brackets.
    host: String,
    port: u16,
}

/// A text that is not the address of a master or an agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Encryption is not built.
    #[error("failed to use `{0}`: TLS is not built yet\nhint: use `http://`")]
    TlsUnsupported(String),
    /// Neither form.
    #[error("`{0}` is not an address\nhint: write `host:port`, as in `10.0.0.1:5050`")]
    Malformed(String),
}

impl Address {
    /// The address of this port on this host.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reads the `Location` of a redirection: `//host:port/path` as Mesos writes it, or a whole URL.
    pub(crate) fn from_location(location: &str) -> Option<Self> {
        let rest = location.strip_prefix("http://").or_else(|| location.strip_prefix("//"))?;
        rest.split(['/', '?', '#']).next()?.parse().ok()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let authority = match text.split_once("://") {
            None => text,
            Some(("http", rest)) => rest.strip_suffix('/').unwrap_or(rest),
            Some(("https", _)) => return Err(AddressError::TlsUnsupported(text.to_owned())),
            Some(_) => return Err(malformed()),
        };
        let (host, port) = authority.rsplit_once(':').ok_or_else(malformed)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(malformed)?,
            None if host.contains(':') => return Err(malformed()),
            None => host,
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        if host.is_empty() || !host.bytes().all(allowed) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| malformed())? })
    }
}

/// The form of a `Host` header.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match text.parse::<Address>() {
            Ok(address) => address.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn hosts_and_urls_are_read() {
        check("localhost:5050", "localhost:5050");
        check("http://10.0.0.1:5050", "10.0.0.1:5050");
        check("http://10.0.0.1:5050/", "10.0.0.1:5050");
        check("[::1]:5050", "[::1]:5050");
    }

    #[test]
    fn what_is_not_built_is_named() {
        check("https://a:5050", r#"TlsUnsupported("https://a:5050")"#);
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "localhost",
            ":5050",
            "a:b",
            "a:",
            "a:70000",
            "a:-1",
            "a:+1",
            "::1:5050",
            "[::1:5050",
            "ftp://a:1",
            "zk://a:2181/mesos",
        ] {
            check(text, &format!("Malformed({text:?})"));
        }
        for text in ["a b:1", "a/b:1", "a\r\nX: y:1", "u@h:1"] {
            check(text, &format!("Malformed({text:?})"));
        }
    }

    #[test]
    fn locations_are_those_of_mesos_or_whole() {
        let host = |location| Address::from_location(location).map(|address| address.to_string());
        assert_eq!(host("//10.0.0.2:5050/master/api/v1/scheduler").as_deref(), Some("10.0.0.2:5050"));
        assert_eq!(host("//10.0.0.2:5050").as_deref(), Some("10.0.0.2:5050"));
        assert_eq!(host("http://m:5050/x?y").as_deref(), Some("m:5050"));
        for location in ["", "/redirect", "https://m:5050/", "//m/x"] {
            assert_eq!(host(location), None, "{location}");
        }
    }
}
