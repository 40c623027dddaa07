//! The open event streams of executors.

use std::collections::BTreeMap;

use tepui_agent_core::{Input, StreamId};
use tepui_http::{EventSender, Response, SendError, response};
use tepui_proto::v1::executor::Event;
use tepui_wire::{ContentType, recordio};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tracing::warn;

use crate::inbox::Work;

/// How much may wait for one executor that does not read: some thousands of tasks to launch.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// The open event streams, by the core's names for them.
#[derive(Debug)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, OpenStream>,
    watchers: JoinSet<()>,
    inbox: mpsc::Sender<Work>,
}

#[derive(Debug)]
struct OpenStream {
    sender: EventSender,
    content_type: ContentType,
    watcher: AbortHandle,
}

impl Streams {
    /// Has no streams yet; their ends will be reported to `inbox`.
    pub(crate) fn new(inbox: mpsc::Sender<Work>) -> Self {
        Self { open: BTreeMap::new(), watchers: JoinSet::new(), inbox }
    }

    /// Opens a stream and makes the response that carries it.
    pub(crate) fn open(&mut self, stream: StreamId, content_type: ContentType) -> Response {
        // What ended on its own must not pile up.
        while self.watchers.try_join_next().is_some() {}
        let (sender, response) = response::event_stream(content_type.name(), None, LIMIT_BYTES);
        let watch = sender.watch();
        let inbox = self.inbox.clone();
        let watcher = self.watchers.spawn(async move {
            watch.disconnected().await;
            // An error means that the reactor has ended, and with it all streams.
            drop(inbox.send(Work::Input(Input::StreamClosed(stream))).await);
        });
        self.open.insert(stream, OpenStream { sender, content_type, watcher });
        response
    }

    /// Sends an event. A stream whose client is gone or too slow is given up: its watcher reports it.
    pub(crate) fn send(&mut self, stream: StreamId, event: &Event) {
        let Some(open) = self.open.get(&stream) else { return };
        let record = recordio::encode(&tepui_wire::encode(open.content_type, event));
        if let Err(SendError::Overflow) = open.sender.send(record) {
            warn!(
                stream = stream.0,
                limit_bytes = LIMIT_BYTES,
                "executor disconnected: it does not read its events"
            );
        }
    }

    /// Ends a stream properly, after what was sent before.
    pub(crate) fn close(&mut self, stream: StreamId) {
        if let Some(open) = self.open.remove(&stream) {
            open.watcher.abort();
            open.sender.close();
        }
    }

    /// Forgets a stream that has ended.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        self.open.remove(&stream);
    }
}
