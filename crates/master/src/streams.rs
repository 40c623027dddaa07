//! The open event streams of schedulers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tepui_http::{EventSender, Response, StreamWatch, response};
use tepui_master_core::{Backlog, Input, MAX_BACKLOG_BYTES, Reader, StreamId};
use tepui_proto::v1::scheduler::Event;
use tepui_wire::ContentType;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tracing::warn;

use crate::encoded_event::EventEncoder;
use crate::inbox::Work;

/// How much may wait for one stream. The core cuts a reader off before that; this holds if it cannot be asked in time.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const LIMIT_BYTES: usize = MAX_BACKLOG_BYTES as usize;

/// How often the core is told of a reader that stays behind.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// How long the client of a stream that we ended may take to read what was sent before.
const LAST_WORDS: Duration = Duration::from_secs(75);

/// The open event streams, by the core's names for them.
#[derive(Debug)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, OpenStream>,
    encoder: EventEncoder,
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
        Self { open: BTreeMap::new(), encoder: EventEncoder::default(), watchers: JoinSet::new(), inbox }
    }

    /// Opens a stream and makes the response that carries it.
    pub(crate) fn open(&mut self, stream: StreamId, stream_id: &str, content_type: ContentType) -> Response {
        // What ended on its own must not pile up.
        while self.watchers.try_join_next().is_some() {}
        let (sender, response) = response::event_stream(content_type.name(), Some(stream_id), LIMIT_BYTES);
        let watch = sender.watch();
        let inbox = self.inbox.clone();
        let watcher = self.watchers.spawn(async move {
            tokio::select! {
                () = watch.disconnected() => {}
                () = report_backlog(stream, &watch, &inbox) => {}
            }
            // An error means that the reactor has ended, and with it all streams.
            drop(inbox.send(Work::Input(Input::StreamClosed(stream))).await);
        });
        self.open.insert(stream, OpenStream { sender, content_type, watcher });
        response
    }

    /// Sends an event. A stream whose client is gone or too slow is given up: its watcher reports it.
    pub(crate) fn send(&mut self, stream: StreamId, event: &Arc<Event>) {
        let Some(open) = self.open.get(&stream) else { return };
        let record = self.encoder.record(event, open.content_type);
        if let Err(tepui_http::SendError::Overflow) = open.sender.send(record) {
            warn!(
                stream = stream.0,
                limit_bytes = LIMIT_BYTES,
                "scheduler disconnected: it does not read its events"
            );
        }
    }

    /// Ends a stream properly, after what was sent before. A client that does not read that has only so much time.
    pub(crate) fn close(&mut self, stream: StreamId) {
        if let Some(open) = self.open.remove(&stream) {
            open.watcher.abort();
            open.sender.close();
            self.watchers.spawn(async move {
                if tokio::time::timeout(LAST_WORDS, open.sender.disconnected()).await.is_err() {
                    open.sender.abort();
                }
            });
        }
    }

    /// Drops a stream's connection with all that waits for it. Its watcher reports the end.
    pub(crate) fn abort(&self, stream: StreamId) {
        if let Some(open) = self.open.get(&stream) {
            warn!(stream = stream.0, "scheduler cut off: it does not read its events");
            open.sender.abort();
        }
    }

    /// Forgets a stream that has ended.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        self.open.remove(&stream);
    }
}

/// Tells the core how the client's reading goes, for as long as the core listens.
async fn report_backlog(stream: StreamId, watch: &StreamWatch, inbox: &mpsc::Sender<Work>) {
    let report = async |backlog| {
        inbox.send(Work::Input(Input::Backlog(Reader::Stream(stream), backlog))).await.is_ok()
    };
    loop {
        watch.blocked().await;
        loop {
            let (queued_bytes, written_bytes) = (watch.queued_bytes(), watch.written_bytes());
            if !report(Backlog::Behind { queued_bytes, written_bytes }).await {
                return;
            }
            if tokio::time::timeout(REPORT_PERIOD, watch.drained()).await.is_ok() {
                break;
            }
        }
        if !report(Backlog::CaughtUp).await {
            return;
        }
    }
}
