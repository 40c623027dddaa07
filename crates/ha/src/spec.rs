//! Where to look for the leader.

use std::fmt;

use tepui_proto::v1::MasterInfo;

use crate::master_info;

/// What a spec may hold that is read out of files, so that a file which names itself ends.
const MAX_FILES: usize = 4;

/// The greatest file that is read.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Where to look.
#[derive(Clone, Debug, PartialEq)]
pub enum Spec {
    /// `zk://[user:password@]host:port,host:port/path`.
    ZooKeeper(ZooKeeperUrl),
    /// `etcd://[user:password@]host:port,host:port/prefix`.
    #[cfg(feature = "etcd")]
    Etcd(tepui_etcd::Spec),
    /// `host:port`, or several: one of them leads, or knows who does.
    Masters(Vec<MasterInfo>),
}

/// A text that says nowhere to look.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Mesos' words.
    #[error("Expecting a (chroot) path for ZooKeeper ('/' is not supported)")]
    NoPath,
    /// There is no host in a `zk://`.
    #[error("there is no host in `zk://`")]
    NoHost,
    /// The credentials in a `zk://` are not `user:password`.
    #[error("the credentials in `zk://` are not `user:password`")]
    Credentials,
    /// An `etcd://` that cannot be read.
    #[cfg(feature = "etcd")]
    #[error(transparent)]
    Etcd(#[from] tepui_etcd::SpecError),
    /// This build has no such client.
    #[error("this build has no `{0}`")]
    NotBuilt(&'static str),
    /// A file that cannot be read.
    #[error("Failed to read from file at '{path}'")]
    File {
        /// Its path.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file names a file, and so on.
    #[error("more than {MAX_FILES} files name each other")]
    TooManyFiles,
    /// Not `host:port`, nor any of the other forms.
    #[error("Failed to parse '{0}'")]
    Master(String),
    /// An election needs a group, not a list of addresses.
    #[error("an election needs `zk://` or `etcd://`")]
    NoGroup,
}

impl Spec {
    /// Reads a spec. Names of hosts in `host:port` are resolved, and files read, so this may block for a moment.
    ///
    /// # Errors
    /// The text has none of the forms.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        Self::parse_within(text, MAX_FILES)
    }

    fn parse_within(text: &str, files: usize) -> Result<Self, SpecError> {
        let text = text.trim();
        if text.starts_with("zk://") {
            return ZooKeeperUrl::parse(text).map(Self::ZooKeeper);
        }
        if text.starts_with("etcd://") {
            #[cfg(feature = "etcd")]
            return Ok(Self::Etcd(tepui_etcd::Spec::parse(text)?));
            #[cfg(not(feature = "etcd"))]
            return Err(SpecError::NotBuilt("etcd"));
        }
        if let Some(path) = text.strip_prefix("file://") {
            let files = files.checked_sub(1).ok_or(SpecError::TooManyFiles)?;
            return Self::parse_within(&read(path)?, files);
        }
        let masters = text
            .split(',')
            .map(str::trim)
            .map(|master| master_info::resolve(master).ok_or_else(|| SpecError::Master(master.to_owned())))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::Masters(masters))
    }
}

fn read(path: &str) -> Result<String, SpecError> {
    use std::io::Read as _;
    let failed = |source| SpecError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// `zk://[user:password@]host:port,host:port/path`.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperUrl {
    /// `host:port,host:port`.
    pub servers: String,
    /// Begins with a slash, and does not end with one.
    pub path: String,
    /// `user:password`, for the scheme `digest`.
    pub credentials: Option<String>,
}

impl ZooKeeperUrl {
    fn parse(text: &str) -> Result<Self, SpecError> {
        let rest = text.strip_prefix("zk://").unwrap_or(text);
        // Compat: Mesos finds the path first, so a password cannot hold a slash.
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Err(SpecError::NoPath);
        }
        let (credentials, servers) = match authority.rsplit_once('@') {
            Some((credentials, servers)) => (Some(credentials.to_owned()), servers),
            None => (None, authority),
        };
        if credentials.as_ref().is_some_and(|credentials| !credentials.contains(':')) {
            return Err(SpecError::Credentials);
        }
        let servers: Vec<&str> =
            servers.split(',').map(str::trim).filter(|server| !server.is_empty()).collect();
        if servers.is_empty() {
            return Err(SpecError::NoHost);
        }
        Ok(Self { servers: servers.join(","), path: path.to_owned(), credentials })
    }
}

impl fmt::Debug for ZooKeeperUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.credentials.as_ref().map(|_| "…@").unwrap_or_default();
        write!(formatter, "zk://{user}{}{}", self.servers, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zookeeper(text: &str) -> ZooKeeperUrl {
        let Spec::ZooKeeper(url) = Spec::parse(text).unwrap() else { panic!("`{text}`") };
        url
    }

    #[test]
    fn zookeeper_urls_are_read_as_mesos_does() {
        let url = zookeeper(" zk://ann:p@ss@h1:2181,h2:2182/a/b/ ");
        assert_eq!((url.servers.as_str(), url.path.as_str()), ("h1:2181,h2:2182", "/a/b"));
        assert_eq!(url.credentials.as_deref(), Some("ann:p@ss"));
        assert!(!format!("{url:?}").contains("p@ss"));
        assert_eq!(zookeeper("zk://h/mesos").credentials, None);
        for bad in ["zk://h:1", "zk://h:1/", "zk:///mesos", "zk://ann@h/mesos"] {
            assert!(Spec::parse(bad).is_err(), "{bad}");
        }
        let error = Spec::parse("zk://h:1/").unwrap_err().to_string();
        assert_eq!(error, "Expecting a (chroot) path for ZooKeeper ('/' is not supported)");
    }

    #[test]
    fn addresses_and_lists_of_them_are_masters() {
        for text in ["127.0.0.1:5050", "master@127.0.0.1:5050"] {
            let Spec::Masters(masters) = Spec::parse(text).unwrap() else { panic!() };
            assert_eq!(masters[0].pid.as_deref(), Some("master@127.0.0.1:5050"));
        }
        let Spec::Masters(masters) = Spec::parse("127.0.0.1:1, 127.0.0.1:2").unwrap() else { panic!() };
        assert_eq!(masters.len(), 2);
        for bad in ["", "h", "127.0.0.1:", "127.0.0.1:1,", "127.0.0.1:99999"] {
            assert!(Spec::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_holds_any_of_them_but_not_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zk");
        std::fs::write(&path, "zk://h:1/mesos\n").unwrap();
        assert_eq!(zookeeper(&format!("file://{}", path.display())).path, "/mesos");
        std::fs::write(&path, format!("file://{}", path.display())).unwrap();
        assert!(matches!(Spec::parse(&format!("file://{}", path.display())), Err(SpecError::TooManyFiles)));
        let error = Spec::parse("file:///nowhere").unwrap_err().to_string();
        assert_eq!(error, "Failed to read from file at '/nowhere'");
    }
}
