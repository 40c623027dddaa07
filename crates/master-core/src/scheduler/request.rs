//! REQUEST: a framework says what it would like.

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Counts the call. As in Mesos, the allocator does not look at requests.
    pub(crate) fn request(turn: &mut Turn<'_>) {
        turn.count("master/messages_resource_request");
    }
}
