//! What a peer may make a daemon hold.

use std::time::Duration;

/// The limits of one listener, with defaults that fit a cluster of tens of thousands of agents.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest request head. Compat: Mesos closes a connection at about 80 KB.
    pub max_header_bytes: usize,
    /// Longest request body, before and after decompression. An ACCEPT of a big framework is a few megabytes. (Messages
    /// of agents do not come this way: the link has a limit of its own.)
    pub max_body_bytes: usize,
    /// How long a request head may take from its first byte. An idle connection is never closed: a link is an open
    /// connection on which nothing need ever be said.
    pub header_timeout: Duration,
    /// How long a request body may pause.
    pub body_timeout: Duration,
    /// How long an [`Unhurried`](crate::Unhurried) response may wait for others, with which it is written.
    pub unhurried_delay: Duration,
    /// How many connections may be open. One per agent, scheduler and executor, with room for operators; the limit on
    /// open files is usually reached first.
    pub max_connections: usize,
    /// How long responses under way get when the daemon stops.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header_bytes: 80 * 1024,
            max_body_bytes: 64 * 1024 * 1024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_mins(1),
            unhurried_delay: Duration::from_millis(20),
            max_connections: 100_000,
            shutdown_grace: Duration::from_secs(2),
        }
    }
}
