//! Slow readers wait: no offers are sent on a stream of which the master was told that nobody reads it.

use std::collections::BTreeSet;

use tepui_master_core::StreamId;
use tepui_proto::v1::scheduler::Event;

/// The streams that are not read.
#[derive(Debug, Default)]
pub(crate) struct SlowReadersWait {
    behind: BTreeSet<StreamId>,
}

impl SlowReadersWait {
    pub(crate) fn behind(&mut self, stream: StreamId) {
        self.behind.insert(stream);
    }

    pub(crate) fn caught_up(&mut self, stream: StreamId) {
        self.behind.remove(&stream);
    }

    pub(crate) fn sent(&self, stream: StreamId, event: &Event) {
        assert!(
            event.offers.is_none() || !self.behind.contains(&stream),
            "{stream:?} is offered although unread"
        );
    }
}
