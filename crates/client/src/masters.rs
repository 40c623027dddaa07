//! Where the masters are.

use std::fmt;
use std::io::{self, Read as _};
use std::str::FromStr;

use crate::{Address, AddressError};

/// The greatest file that is read.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// How many files may name each other, so that one which names itself ends.
const MAX_FILES: usize = 4;

/// The masters of a cluster, of which one leads: as addresses, or as the group in ZooKeeper or etcd that says who leads.
///
/// Read from `host:port`, `host:port,host:port`, `http://host:port`, `zk://[user:password@]host:port,.../path`,
/// `etcd://[user:password@]host:port,.../prefix`, or `file:///path` of a file that holds one of these.
///
/// Of addresses, each is asked in turn until one leads or redirects to the leader. A group is watched, so that a new
/// leader is known as soon as it is elected.
#[derive(Clone, Debug, PartialEq)]
pub struct Masters(pub(crate) Kind);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Never empty.
    Listed(Vec<Address>),
    #[cfg(feature = "detection")]
    Group {
        /// Where to look.
        spec: tepui_ha::Spec,
        /// The text of the spec, without what is secret.
        shown: String,
    },
}

/// A text that does not say where masters are.
#[derive(Debug, thiserror::Error)]
pub enum MastersError {
    /// Something in the place of an address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A group is meant, and cannot be understood.
    #[error("failed to read where the group of masters is")]
    Group(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A group is meant, and this library was built without the feature `detection`.
    #[error("failed to look for the leading master in `{0}`: this program was built without detection")]
    NoDetection(String),
    /// A file cannot be read.
    #[error("failed to read `{path}`")]
    File {
        /// Its path.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Files name files, and so on.
    #[error("more than {MAX_FILES} files name each other")]
    TooManyFiles,
}

impl Masters {
    fn parse_within(text: &str, files: usize) -> Result<Self, MastersError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("file://") {
            let files = files.checked_sub(1).ok_or(MastersError::TooManyFiles)?;
            return Self::parse_within(&read(path)?, files);
        }
        if text.starts_with("zk://") || text.starts_with("etcd://") {
            return group(text);
        }
        let addresses = text.split(',').map(|address| address.trim().parse()).collect::<Result<_, _>>()?;
        Ok(Self(Kind::Listed(addresses)))
    }
}

#[cfg(feature = "detection")]
fn group(text: &str) -> Result<Masters, MastersError> {
    let spec = tepui_ha::Spec::parse(text).map_err(|error| MastersError::Group(error.into()))?;
    Ok(Masters(Kind::Group { spec, shown: without_secrets(text) }))
}

#[cfg(not(feature = "detection"))]
fn group(text: &str) -> Result<Masters, MastersError> {
    Err(MastersError::NoDetection(without_secrets(text)))
}

/// Without user and password, and without what follows a `?`.
fn without_secrets(text: &str) -> String {
    let text = text.split('?').next().unwrap_or_default();
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text.to_owned(),
    }
}

fn read(path: &str) -> Result<String, MastersError> {
    let failed = |source| MastersError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

impl FromStr for Masters {
    type Err = MastersError;

    /// Reads files that are named, so this may block for a moment.
    fn from_str(text: &str) -> Result<Self, MastersError> {
        Self::parse_within(text, MAX_FILES)
    }
}

impl From<Address> for Masters {
    fn from(address: Address) -> Self {
        Self(Kind::Listed(vec![address]))
    }
}

impl fmt::Display for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Listed(addresses) => {
                for (position, address) in addresses.iter().enumerate() {
                    write!(f, "{}{address}", if position == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            #[cfg(feature = "detection")]
            Kind::Group { shown, .. } => f.write_str(shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match text.parse::<Masters>() {
            Ok(masters) => masters.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn addresses_and_lists_are_read() {
        check("localhost:5050", "localhost:5050");
        check(" a:1 , http://b:2/,[::1]:3\n", "a:1,b:2,[::1]:3");
        check("", r#"Address(Malformed(""))"#);
        check("a:1,b", r#"Address(Malformed("b"))"#);
        check("https://a:1", r#"Address(TlsUnsupported("https://a:1"))"#);
    }

    #[cfg(feature = "detection")]
    #[test]
    fn groups_are_read_and_their_secrets_are_not_shown() {
        check("zk://a:2181,b:2181/mesos", "zk://a:2181,b:2181/mesos");
        check("zk://ann:secret@a:2181/mesos", "zk://a:2181/mesos");
        check("etcd://ann:se@cret@a:2379/tepui", "etcd://a:2379/tepui");
        assert!("zk://a:2181".parse::<Masters>().is_err());
    }

    #[cfg(not(feature = "detection"))]
    #[test]
    fn groups_need_the_feature() {
        check("zk://ann:secret@a:2181/mesos", r#"NoDetection("zk://a:2181/mesos")"#);
    }

    #[test]
    fn files_are_followed_to_an_end() {
        let folder = std::env::temp_dir().join(format!("tepui-client-masters-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = |name: &str| format!("file://{}", folder.join(name).display());
        std::fs::write(folder.join("masters"), "a:1,b:2\n").unwrap();
        std::fs::write(folder.join("indirect"), url("masters")).unwrap();
        std::fs::write(folder.join("loop"), url("loop")).unwrap();
        check(&url("indirect"), "a:1,b:2");
        check(&url("loop"), "TooManyFiles");
        assert!(url("absent").parse::<Masters>().unwrap_err().to_string().contains("absent"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
