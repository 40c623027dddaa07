//! Users and groups, looked up where the system keeps them (NSS).

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User, geteuid, getgrouplist};

/// How old what is remembered may be. Who starts many processes asks for the same user again and again, and each time that
/// is some forty calls of the system.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How many users are remembered; those who name them may name any.
const MAX_REMEMBERED: usize = 64;

static REMEMBERED: Mutex<BTreeMap<String, (Instant, Credentials)>> = Mutex::new(BTreeMap::new());

/// The ids under which a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// All groups of the user, the primary one included.
    pub groups: Vec<u32>,
}

/// A user whose credentials could not be found.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nobody has this name.
    #[error("user `{name}` does not exist")]
    UnknownUser {
        /// The name that was asked for.
        name: String,
    },
    /// The system's databases did not answer.
    #[error("failed to look up user `{name}`")]
    Lookup {
        /// The name that was asked for.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Credentials {
    /// The same as [`Credentials::of_user`], as it is or was within the last second.
    pub fn of_user_lately(name: &str) -> Result<Self, CredentialsError> {
        let remembered = || REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, credentials)) = remembered().get(name)
            && at.elapsed() < MAX_AGE
        {
            return Ok(credentials.clone());
        }
        let credentials = Self::of_user(name)?;
        let mut users = remembered();
        if users.len() >= MAX_REMEMBERED {
            users.clear();
        }
        users.insert(name.to_owned(), (Instant::now(), credentials.clone()));
        Ok(credentials)
    }

    /// Looks up the user of this name, with its supplementary groups.
    pub fn of_user(name: &str) -> Result<Self, CredentialsError> {
        let unknown = || CredentialsError::UnknownUser { name: name.to_owned() };
        let failed =
            |error: nix::Error| CredentialsError::Lookup { name: name.to_owned(), source: error.into() };
        let c_name = CString::new(name).map_err(|_| unknown())?;
        let user = User::from_name(name).map_err(failed)?.ok_or_else(unknown)?;
        let groups = getgrouplist(&c_name, user.gid).map_err(failed)?;
        Ok(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
        })
    }
}

/// Whether this process may act as any user.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The name of the user that this process runs as.
pub fn current_user_name() -> Result<String, CredentialsError> {
    let uid: Uid = geteuid();
    let shown = uid.to_string();
    match User::from_uid(uid) {
        Ok(Some(user)) => Ok(user.name),
        Ok(None) => Err(CredentialsError::UnknownUser { name: shown }),
        Err(error) => Err(CredentialsError::Lookup { name: shown, source: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_with_its_groups() {
        let root = Credentials::of_user("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        for _ in 0..2 {
            assert_eq!(Credentials::of_user_lately("root").unwrap(), root);
            assert!(Credentials::of_user_lately("no-such-user-here").is_err());
        }
    }

    #[test]
    fn an_unknown_or_malformed_name_is_refused_by_name() {
        for name in ["no-such-user-here", "", "a\0b"] {
            let error = Credentials::of_user(name).unwrap_err();
            assert!(matches!(error, CredentialsError::UnknownUser { .. }), "{error:?}");
        }
    }
}
