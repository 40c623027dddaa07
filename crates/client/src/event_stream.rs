//! The answer to SUBSCRIBE: events as `RecordIO`, as long as it lasts.

use std::collections::VecDeque;
use std::marker::PhantomData;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tepui_proto::MesosMessage;
use tepui_wire::recordio::{Decoder, RecordioError};
use tepui_wire::{BodyError, ContentType};

use crate::connection::Connection;

/// The largest event. An OFFERS event of a large cluster has some megabytes.
const MAX_EVENT_BYTES: usize = 256 << 20;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamEnd {
    #[error("the stream of events was closed")]
    Closed,
    #[error("the stream of events broke: {0}")]
    Broken(hyper::Error),
    #[error("the stream of events is malformed: {0}")]
    Framing(#[from] RecordioError),
    #[error("an event is malformed: {0}")]
    Event(#[from] BodyError),
}

#[derive(Debug)]
pub(crate) struct EventStream<E> {
    /// Kept open by being kept.
    _connection: Connection,
    body: Incoming,
    decoder: Decoder,
    records: VecDeque<Bytes>,
    content_type: ContentType,
    event: PhantomData<fn() -> E>,
}

impl<E: MesosMessage> EventStream<E> {
    pub(crate) fn new(connection: Connection, body: Incoming, content_type: ContentType) -> Self {
        Self {
            _connection: connection,
            body,
            decoder: Decoder::new(MAX_EVENT_BYTES),
            records: VecDeque::new(),
            content_type,
            event: PhantomData,
        }
    }

    /// The next event. Nothing is lost if this is cut off.
    pub(crate) async fn next(&mut self) -> Result<E, StreamEnd> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Ok(tepui_wire::decode(self.content_type, &record)?);
            }
            let frame = self.body.frame().await.ok_or(StreamEnd::Closed)?.map_err(StreamEnd::Broken)?;
            if let Ok(chunk) = frame.into_data() {
                self.records.extend(self.decoder.decode(&chunk)?);
            }
        }
    }
}
