//! Those who follow the operator's event stream.
//!
//! They belong to the view's thread: the core does not know of them and never waits for one. An event is encoded once for
//! each encoding, and all streams share its bytes. Each stream may have [`LIMIT_BYTES`] unread; who leaves more is cut off,
//! so a reader that has stopped costs the others nothing. (Mesos keeps all for it, until the master is out of memory:
//! MESOS-7748.)
//!
//! A write costs more than the events in it. So after each one there is a pause, the longer the more streams there are; what
//! happens in it leaves together. What happens after a quiet moment leaves at once.
//!
//! There is one class of readers yet: all may see everything. With authorization, what a reader may see becomes a part of
//! [`Subscriber`], and blocks and snapshots are made for each class, as they are made for each encoding.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tepui_http::{Block, EventSender, Response, SendError, response};
use tepui_master_view::{Encoding, View};
use tepui_wire::{ContentType, recordio};
use tracing::{info, warn};

/// How often each stream has a heartbeat, as in Mesos.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How much may wait for a stream after its snapshot. It is a hundred thousand events, and as they are shared, it is also
/// about what all slow streams together hold.
const LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// After how many heartbeats a stream is cut off on which something waits, and of which nothing was read meanwhile.
const MOST_SILENT_HEARTBEATS: u8 = 5;

/// How long the client of a stream that we ended may take to read what was sent before.
const LAST_WORDS: Duration = Duration::from_secs(75);

/// How many writes to streams a second are worth it: some 5 microseconds of the kernel's time each.
const WRITES_PER_SECOND: u32 = 50_000;

/// All streams, and what they have not got yet.
#[derive(Debug)]
pub(crate) struct Subscribers {
    most: usize,
    open: BTreeMap<u64, Subscriber>,
    next: u64,
    /// When each stream has its next heartbeat; those of streams that have ended are still there.
    heartbeats: VecDeque<(Instant, u64)>,
    /// Streams that were ended, and until when their clients may read on.
    ending: VecDeque<(Instant, EventSender)>,
    /// Events that wait for the end of the pause, in their binary form.
    news: Vec<Vec<u8>>,
    pause_end: Instant,
    /// The snapshots in the two encodings, while nothing has changed since.
    snapshots: Snapshots,
    cut_off: u32,
}

#[derive(Debug, Default)]
struct Snapshots {
    json: Option<Bytes>,
    protobuf: Option<Bytes>,
}

#[derive(Debug)]
struct Subscriber {
    sender: EventSender,
    encoding: Encoding,
    /// What its client had read at the last heartbeat.
    written_bytes: u64,
    silent_heartbeats: u8,
}

impl Subscribers {
    /// Has none yet, and will have at most `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            open: BTreeMap::new(),
            next: 0,
            heartbeats: VecDeque::new(),
            ending: VecDeque::new(),
            news: Vec::new(),
            pause_end: Instant::now(),
            snapshots: Snapshots::default(),
            cut_off: 0,
        }
    }

    /// Opens a stream that begins with what the view knows. If there are too many then, the oldest one ends.
    pub(crate) fn subscribe(&mut self, view: &mut View, encoding: Encoding, now: Instant) -> Response {
        // What is in the snapshot is not told again.
        self.flush(now);
        self.forget_gone();
        view.set_followed(true);
        let content_type = match encoding {
            Encoding::Json => ContentType::Json,
            Encoding::Protobuf => ContentType::Protobuf,
        };
        let (sender, response) = response::event_stream(content_type.name(), None, LIMIT_BYTES);
        let begun = sender
            .send_uncounted(self.snapshot(view, encoding))
            .and_then(|()| sender.send(recordio::encode(&encoded(&View::heartbeat_event(), encoding))));
        debug_assert!(begun.is_ok(), "nobody reads yet who could be gone");
        info!(stream = self.next, ?encoding, "an operator follows the event stream");
        self.open.insert(self.next, Subscriber { sender, encoding, written_bytes: 0, silent_heartbeats: 0 });
        self.heartbeats.push_back((now + HEARTBEAT, self.next));
        self.next += 1;
        while self.open.len() > self.most {
            self.end_oldest(now);
        }
        response
    }

    fn snapshot(&mut self, view: &View, encoding: Encoding) -> Bytes {
        let kept = match encoding {
            Encoding::Json => &mut self.snapshots.json,
            Encoding::Protobuf => &mut self.snapshots.protobuf,
        };
        let made = || recordio::encode(&view.subscribed(encoding, HEARTBEAT.as_secs_f64()));
        kept.get_or_insert_with(made).clone()
    }

    fn end_oldest(&mut self, now: Instant) {
        if let Some((stream, oldest)) = self.open.pop_first() {
            info!(stream, most = self.most, "too many follow the event stream: the oldest is ended");
            oldest.sender.close();
            self.ending.push_back((now + LAST_WORDS, oldest.sender));
        }
    }

    /// Takes what has happened according to the view, which has folded something.
    pub(crate) fn hear(&mut self, view: &mut View) {
        self.snapshots = Snapshots::default();
        if self.open.is_empty() {
            view.set_followed(false);
        } else {
            self.news.append(&mut view.take_events());
        }
    }

    /// Sends what there is, unless the last write was a moment ago.
    pub(crate) fn send_news(&mut self, now: Instant) {
        if now >= self.pause_end {
            self.flush(now);
        }
    }

    fn flush(&mut self, now: Instant) {
        if self.news.is_empty() {
            return;
        }
        let news = std::mem::take(&mut self.news);
        let (mut json, mut protobuf) = (None, None);
        let mut cut_off = 0;
        self.open.retain(|stream, subscriber| {
            let block = match subscriber.encoding {
                Encoding::Json => &mut json,
                Encoding::Protobuf => &mut protobuf,
            };
            let block = block.get_or_insert_with(|| block_of(&news, subscriber.encoding));
            match subscriber.sender.send_block(block.clone()) {
                Ok(()) => true,
                Err(SendError::Disconnected) => {
                    info!(stream, "an operator left the event stream");
                    false
                }
                Err(SendError::Overflow) => {
                    warn!(stream, LIMIT_BYTES, "cut off: its client does not read the event stream");
                    cut_off += 1;
                    false
                }
            }
        });
        self.cut_off += cut_off;
        let streams = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.pause_end = now + Duration::from_secs(1) * streams / WRITES_PER_SECOND;
    }

    /// When there will be something to do; `None` if nobody follows.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let heartbeat = self.heartbeats.front().map(|(at, _)| *at);
        let ending = self.ending.front().map(|(at, _)| *at);
        heartbeat.into_iter().chain(ending).min()
    }

    /// Until when what happens is gathered before it is sent; `None` if it is sent at once.
    pub(crate) fn pause_end(&self, now: Instant) -> Option<Instant> {
        (!self.open.is_empty() && self.pause_end > now).then_some(self.pause_end)
    }

    /// Whether anybody follows.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Sends the heartbeats that are due, and gives up those who do not read.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some((_, stream)) = self.heartbeats.pop_front_if(|(at, _)| *at <= now) {
            if self.beat(stream) {
                self.heartbeats.push_back((now + HEARTBEAT, stream));
            } else {
                self.open.remove(&stream);
            }
        }
        while let Some((_, sender)) = self.ending.pop_front_if(|(at, _)| *at <= now) {
            sender.abort();
        }
    }

    /// One heartbeat; false if the stream has ended.
    fn beat(&mut self, stream: u64) -> bool {
        let Some(subscriber) = self.open.get_mut(&stream) else { return false };
        let written_bytes = subscriber.sender.watch().written_bytes();
        let is_silent = subscriber.sender.is_blocked() && written_bytes == subscriber.written_bytes;
        subscriber.silent_heartbeats = if is_silent { subscriber.silent_heartbeats + 1 } else { 0 };
        subscriber.written_bytes = written_bytes;
        if subscriber.silent_heartbeats >= MOST_SILENT_HEARTBEATS {
            warn!(stream, "cut off: its client has not read the event stream for long");
            subscriber.sender.abort();
            self.cut_off += 1;
            return false;
        }
        let record = recordio::encode(&encoded(&View::heartbeat_event(), subscriber.encoding));
        match subscriber.sender.send(record) {
            Ok(()) => true,
            Err(SendError::Disconnected) => {
                info!(stream, "an operator left the event stream");
                false
            }
            Err(SendError::Overflow) => {
                self.cut_off += 1;
                false
            }
        }
    }

    /// The metrics, by name.
    pub(crate) fn metrics(&mut self) -> [(String, f64); 2] {
        self.forget_gone();
        let open = f64::from(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
        [
            ("master/operator_event_stream_subscribers".to_owned(), open),
            ("master/operator_event_stream_subscribers_cut_off".to_owned(), f64::from(self.cut_off)),
        ]
    }

    /// Forgets those whose clients have left.
    fn forget_gone(&mut self) {
        self.open.retain(|stream, subscriber| {
            let is_gone = subscriber.sender.is_disconnected();
            if is_gone {
                info!(stream, "an operator left the event stream");
            }
            !is_gone
        });
    }

    /// Breaks all streams off: this master knows nothing more.
    pub(crate) fn end(&mut self) {
        self.open.clear();
        self.heartbeats.clear();
        self.ending.clear();
        self.news.clear();
    }
}

fn encoded(event: &[u8], encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => View::event_json(event),
        Encoding::Protobuf => event.to_vec(),
    }
}

fn block_of(events: &[Vec<u8>], encoding: Encoding) -> Block {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(events.len());
    for event in events {
        match encoding {
            Encoding::Json => recordio::encode_into(&View::event_json(event), &mut bytes),
            Encoding::Protobuf => recordio::encode_into(event, &mut bytes),
        }
        ends.push(bytes.len());
    }
    Block::new(bytes.into(), ends)
}
