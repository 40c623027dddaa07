//! `etcd://user:password@host:port,host:port/prefix?ca=/path&cert=/path&key=/path`.

use std::path::PathBuf;

/// Where an etcd is, and the prefix of our keys in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Spec {
    /// `host:port` of each endpoint, in the order given.
    pub endpoints: Vec<String>,
    /// Begins with a slash and does not end with one.
    pub prefix: String,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// Whether and how to speak TLS.
    pub tls: Option<Tls>,
}

/// Files in PEM form, for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates of whom we trust.
    pub ca: PathBuf,
    /// Our own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Spec")
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("tls", &self.tls)
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .finish()
    }
}

/// A text that is no address of an etcd.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The scheme is another.
    #[error("expected `etcd://` at the beginning")]
    Scheme,
    /// There is no host.
    #[error("there is no host between `etcd://` and the path")]
    NoHost,
    /// The prefix is absent, or `/`.
    #[error("expected a path after the hosts, as in `etcd://host:2379/tepui`")]
    NoPrefix,
    /// The credentials are not `user:password`.
    #[error("the credentials before `@` are not `user:password`")]
    Credentials,
    /// What stands behind `?` is none of the known names, or lacks one.
    #[error("`{0}` is not `ca=/path`, or `ca=/path&cert=/path&key=/path`")]
    Tls(String),
}

impl Spec {
    /// etcd's port for clients.
    const DEFAULT_PORT: u16 = 2379;

    /// Reads a spec.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let rest = text.trim().strip_prefix("etcd://").ok_or(SpecError::Scheme)?;
        let slash = rest.find('/').ok_or(SpecError::NoPrefix)?;
        // A password may hold a slash, so the path begins after the last `@` at the earliest.
        let slash = rest.rfind('@').map_or(Some(slash), |at| rest[at..].find('/').map(|found| at + found));
        let (authority, path) = rest.split_at(slash.ok_or(SpecError::NoPrefix)?);
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => {
                let (user, password) = credentials.split_once(':').ok_or(SpecError::Credentials)?;
                (Some((user.to_owned(), password.to_owned())), hosts)
            }
            None => (None, authority),
        };
        let endpoints: Vec<String> =
            hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(with_port).collect();
        let (path, tls) = match path.split_once('?') {
            Some((path, options)) => (path, Some(Tls::parse(options)?)),
            None => (path, None),
        };
        let prefix = path.trim_end_matches('/');
        if endpoints.is_empty() {
            return Err(SpecError::NoHost);
        }
        if prefix.is_empty() {
            return Err(SpecError::NoPrefix);
        }
        Ok(Self { endpoints, prefix: prefix.to_owned(), credentials, tls })
    }
}

impl Tls {
    fn parse(options: &str) -> Result<Self, SpecError> {
        let wrong = || SpecError::Tls(options.to_owned());
        let (mut ca, mut cert, mut key) = (None, None, None);
        for option in options.split('&') {
            let (name, path) = option.split_once('=').ok_or_else(wrong)?;
            let place = match name {
                "ca" => &mut ca,
                "cert" => &mut cert,
                "key" => &mut key,
                _ => return Err(wrong()),
            };
            *place = Some(PathBuf::from(path));
        }
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(wrong()),
        };
        Ok(Self { ca: ca.ok_or_else(wrong)?, identity })
    }
}

fn with_port(host: &str) -> String {
    let after_address = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    if after_address.contains(':') { host.to_owned() } else { format!("{host}:{}", Spec::DEFAULT_PORT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_credentials_and_prefix_are_read() {
        let spec = Spec::parse("etcd://ann:p/w@h1:1,h2,[::1]:3/mesos/a/").unwrap();
        assert_eq!(spec.endpoints, ["h1:1", "h2:2379", "[::1]:3"]);
        assert_eq!(spec.prefix, "/mesos/a");
        assert_eq!(spec.credentials, Some(("ann".to_owned(), "p/w".to_owned())));
        assert!(!format!("{spec:?}").contains("p/w"));
    }

    #[test]
    fn the_files_for_tls_are_read() {
        let spec = Spec::parse("etcd://h/p?ca=/a&cert=/b&key=/c").unwrap();
        assert_eq!(spec.prefix, "/p");
        assert_eq!(spec.tls, Some(Tls { ca: "/a".into(), identity: Some(("/b".into(), "/c".into())) }));
        for bad in ["etcd://h/p?", "etcd://h/p?cert=/b&key=/c", "etcd://h/p?ca=/a&key=/c", "etcd://h/p?x=y"] {
            assert!(matches!(Spec::parse(bad), Err(SpecError::Tls(_))), "{bad}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(Spec::parse("zk://h/p"), Err(SpecError::Scheme));
        assert_eq!(Spec::parse("etcd://h:1"), Err(SpecError::NoPrefix));
        assert_eq!(Spec::parse("etcd://h:1/"), Err(SpecError::NoPrefix));
        assert_eq!(Spec::parse("etcd:///p"), Err(SpecError::NoHost));
        assert_eq!(Spec::parse("etcd://ann@h/p"), Err(SpecError::Credentials));
    }
}
