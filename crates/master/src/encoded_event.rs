//! Events in their wire form, encoded once for all streams that get the same one.

use std::sync::Arc;

use bytes::Bytes;
use tepui_proto::v1::scheduler::Event;
use tepui_wire::{ContentType, recordio};

/// Encodes events and remembers the last one: the core sends one event to many streams in a row.
#[derive(Debug, Default)]
pub(crate) struct EventEncoder {
    last: Option<(Arc<Event>, ContentType, Bytes)>,
}

impl EventEncoder {
    /// The event as a record of its stream.
    pub(crate) fn record(&mut self, event: &Arc<Event>, content_type: ContentType) -> Bytes {
        if let Some((last, last_type, record)) = &self.last
            && Arc::ptr_eq(last, event)
            && *last_type == content_type
        {
            return record.clone();
        }
        let record = recordio::encode(&tepui_wire::encode(content_type, event.as_ref()));
        self.last = Some((Arc::clone(event), content_type, record.clone()));
        record
    }
}
