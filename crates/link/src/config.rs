//! The settings of a link.

use std::net::SocketAddr;
use std::time::Duration;

/// The settings of a [`crate::Link`], with a default for all but the address.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// The address under which peers reach us. Peers compare it literally with what they were told.
    pub advertised: SocketAddr,
    /// How many bytes may wait for one peer. One that reads nothing while so much piles up is as good as gone, and the
    /// usual message is a few hundred bytes.
    pub max_queued_bytes: usize,
    /// Longest body of a received message. The largest honest one is an agent's re-registration with its whole
    /// history of tasks.
    pub max_message_bytes: usize,
    /// How long a connection may take to open. Enough for three lost packets in a row.
    pub connect_timeout: Duration,
    /// How long a connection without a link stays open when nothing is sent.
    pub idle_timeout: Duration,
    /// How long the body of a received message may pause.
    pub body_timeout: Duration,
    /// Refuse messages whose sender claims another IP than it sends from (`LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH`).
    pub require_peer_address_ip_match: bool,
}

impl LinkConfig {
    /// The defaults.
    pub fn new(advertised: SocketAddr) -> Self {
        Self {
            advertised,
            max_queued_bytes: 64 * 1024 * 1024,
            max_message_bytes: 256 * 1024 * 1024,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            require_peer_address_ip_match: false,
        }
    }
}
