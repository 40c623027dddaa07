//! What can go wrong with a fetch, in words that a user of the cluster can act on.

use std::io;

/// A fetch that failed. Nothing that was fetched before it is taken back: the sandbox is the task's, which never starts.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// One of the files could not be had.
    #[error("failed to fetch `{uri}`: {why}")]
    Uri {
        /// As the framework named it.
        uri: String,
        /// What is wrong.
        why: String,
    },
    /// The process that fetches could not be run.
    #[error("failed to {action}")]
    Process {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The user is not known here.
    #[error("failed to fetch as the task's user")]
    User(#[from] tepui_linux::CredentialsError),
    /// The process that fetches ended without a word.
    #[error("failed to fetch: the fetcher {0}")]
    Died(String),
    /// There is too much to fetch for one container.
    #[error("failed to fetch {count} URIs ({bytes} bytes of them): more than a container may have")]
    TooMany {
        /// How many URIs there are.
        count: usize,
        /// How long the list is.
        bytes: usize,
    },
}

/// What is wrong with one file, as the end of the sentence "failed to fetch `...`: ".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(pub(crate) String);

impl Wrong {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// For `map_err`: what was being done to what, and what the system said.
    pub(crate) fn io(action: &'static str, what: &str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("failed to {action} `{what}`: {error}"))
    }
}
