//! Event streams: a chunked response body that its owner feeds record by record.
//!
//! Clients rely on **exactly one record per HTTP chunk**, so each [`EventSender::send`] becomes one chunk. Records that
//! are ready together still leave in one write: the connection takes all that fits its buffer before it flushes.
//!
//! A reader that is too slow is disconnected, not buffered without end: `send` refuses what would exceed the limit and
//! breaks the stream. In the other direction a client that goes away is noticed by the connection even when nothing
//! is being sent; the body is dropped then, and [`EventSender::disconnected`] completes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::Notify;

use crate::connection::ConnectionState;

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SendError {
    /// The client has gone, or the stream was closed.
    #[error("the stream is closed")]
    Disconnected,
    /// The client reads too slowly: the record would exceed the limit. The stream has been broken.
    #[error("the client reads too slowly")]
    Overflow,
}

/// Tells the connection to break off instead of ending the stream properly.
#[derive(Clone, Copy, Debug, Error)]
#[error("the event stream was broken off")]
pub struct StreamBroken;

/// Records that leave together. Cheap to clone: many streams share one block.
#[derive(Clone, Debug, Default)]
pub struct Block {
    bytes: Bytes,
    /// Where each record ends.
    ends: Arc<[usize]>,
}

impl Block {
    /// Records one after the other; `ends` has the position after each of them, in ascending order.
    pub fn new(bytes: Bytes, ends: Vec<usize>) -> Self {
        let is_ascending = ends.is_sorted() && ends.last().is_none_or(|last| *last <= bytes.len());
        assert!(is_ascending, "the records of a block follow each other within it");
        Self { bytes, ends: ends.into() }
    }

    /// The record at a position, if there are so many.
    fn record(&self, at: usize) -> Option<Bytes> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(self.bytes.slice(start..end))
    }
}

/// The receiving half: the body of a response. Make the response with [`crate::response::event_stream`].
#[derive(Debug)]
pub struct EventStream(Arc<Shared>);

/// The sending half. Dropping it breaks the stream; [`EventSender::close`] ends it properly.
#[derive(Debug)]
pub struct EventSender(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    limit_bytes: usize,
    gone: Notify,
    /// The queue has been emptied.
    emptied: Notify,
    /// The stream has got its connection.
    attached: Notify,
}

/// What waits for the connection.
enum Waiting {
    Record(Bytes),
    /// A record that does not count for the limit.
    Uncounted(Bytes),
    /// A block, of which so many records were taken.
    Block(Block, usize),
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    phase: Phase,
    waker: Option<Waker>,
    connection: Option<Arc<ConnectionState>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// The owner has said all: what is queued is still sent.
    Closed,
    /// The owner broke it off.
    Broken,
    /// The client's end is gone.
    Gone,
}

impl EventStream {
    /// Makes a stream that holds at most `limit_bytes` of records that the connection has not taken yet.
    pub fn new(limit_bytes: usize) -> (EventSender, EventStream) {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            limit_bytes,
            gone: Notify::new(),
            emptied: Notify::new(),
            attached: Notify::new(),
        });
        (EventSender(Arc::clone(&shared)), EventStream(shared))
    }

    /// Names the connection that must be dropped if the owner breaks the stream while the socket is blocked.
    pub(crate) fn attach(&self, connection: Arc<ConnectionState>) {
        let mut queue = self.0.lock();
        if queue.phase == Phase::Broken {
            connection.abort();
        }
        queue.connection = Some(connection);
        drop(queue);
        self.0.attached.notify_waiters();
    }

    pub(crate) fn poll_record(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamBroken>>> {
        let mut queue = self.0.lock();
        if queue.phase == Phase::Broken {
            return Poll::Ready(Some(Err(StreamBroken)));
        }
        if let Some(record) = queue.next() {
            if queue.waiting.is_empty() {
                self.0.emptied.notify_waiters();
            }
            return Poll::Ready(Some(Ok(record)));
        }
        if queue.phase == Phase::Closed {
            return Poll::Ready(None);
        }
        if !queue.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            queue.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.phase = Phase::Gone;
        queue.waiting = VecDeque::new();
        queue.bytes = 0;
        queue.waker = None;
        queue.connection = None;
        drop(queue);
        self.0.gone.notify_waiters();
    }
}

impl EventSender {
    /// Queues one record, which becomes one chunk. Never waits. An empty record is nothing: an empty chunk would end
    /// the stream.
    pub fn send(&self, record: Bytes) -> Result<(), SendError> {
        let length = record.len();
        let limit_bytes = self.0.limit_bytes.saturating_sub(length);
        self.queue(Waiting::Record(record), length, limit_bytes)
    }

    /// Queues one record that does not count for the limit: the snapshot of a large cluster, which may be longer than
    /// all that may wait behind it.
    pub fn send_uncounted(&self, record: Bytes) -> Result<(), SendError> {
        let mut queue = self.0.lock();
        if queue.phase != Phase::Open {
            return Err(SendError::Disconnected);
        }
        if !record.is_empty() {
            queue.waiting.push_back(Waiting::Uncounted(record));
            Shared::wake(queue);
        }
        Ok(())
    }

    /// Queues many records, each of which becomes one chunk. As others hold the block, too, it is refused only if more than
    /// the limit waits already.
    pub fn send_block(&self, block: Block) -> Result<(), SendError> {
        let length = block.ends.last().copied().unwrap_or_default();
        self.queue(Waiting::Block(block, 0), length, self.0.limit_bytes)
    }

    /// Queues what has `length` bytes, unless more than `limit_bytes` wait.
    fn queue(&self, waiting: Waiting, length: usize, limit_bytes: usize) -> Result<(), SendError> {
        let mut queue = self.0.lock();
        if queue.phase != Phase::Open {
            return Err(SendError::Disconnected);
        }
        if length == 0 {
            return Ok(());
        }
        // What comes to an empty queue is taken even if it alone exceeds the limit: else it could never be sent.
        if queue.bytes > 0 && queue.bytes > limit_bytes {
            Shared::break_off(queue);
            return Err(SendError::Overflow);
        }
        queue.bytes += length;
        queue.waiting.push_back(waiting);
        Shared::wake(queue);
        Ok(())
    }

    /// Ends the stream properly, after what is queued; the connection stays usable.
    pub fn close(&self) {
        let mut queue = self.0.lock();
        if queue.phase == Phase::Open {
            queue.phase = Phase::Closed;
            Shared::wake(queue);
        }
    }

    /// Breaks the stream off at once and drops its connection, even if the client does not read.
    pub fn abort(&self) {
        let queue = self.0.lock();
        if matches!(queue.phase, Phase::Open | Phase::Closed) {
            Shared::break_off(queue);
        }
    }

    /// How many bytes wait because the client has not read what went before.
    pub fn queued_bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Claims that the client has not kept up: its side of the socket is full, or something is still queued.
    pub fn is_blocked(&self) -> bool {
        self.0.lock().is_blocked()
    }

    /// Claims that nobody reads any more.
    pub fn is_disconnected(&self) -> bool {
        self.0.lock().phase == Phase::Gone
    }

    /// Completes when the client's end is gone (or has been answered to the end after [`EventSender::close`]).
    pub async fn disconnected(&self) {
        self.watch().disconnected().await;
    }

    /// Completes when the client has kept up with all that was sent, or is gone.
    pub async fn drained(&self) {
        self.watch().drained().await;
    }

    /// A watch on the client's end that can live in another task than the sender.
    pub fn watch(&self) -> StreamWatch {
        StreamWatch(Arc::clone(&self.0))
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        let queue = self.0.lock();
        if queue.phase == Phase::Open {
            Shared::break_off(queue);
        }
    }
}

/// Waits for the client of a stream.
#[derive(Clone, Debug)]
pub struct StreamWatch(Arc<Shared>);

impl StreamWatch {
    /// Completes when the client has kept up with all that was sent, or is gone.
    pub async fn drained(&self) {
        loop {
            let connection = self.0.lock().connection.clone();
            let unblocked = connection.as_ref().map(|connection| connection.write_unblocked());
            let (emptied, gone) = (self.0.emptied.notified(), self.0.gone.notified());
            tokio::pin!(unblocked, emptied, gone);
            // We listen before we look, so that nothing happens in between unheard.
            emptied.as_mut().enable();
            gone.as_mut().enable();
            if let Some(unblocked) = unblocked.as_mut().as_pin_mut() {
                unblocked.enable();
            }
            if !self.0.lock().is_blocked() {
                return;
            }
            let unblocked = async {
                match unblocked.as_pin_mut() {
                    Some(unblocked) => unblocked.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = emptied => {}
                () = gone => {}
                () = unblocked => {}
            }
        }
    }

    /// Completes when the client's side of the socket is full.
    pub async fn blocked(&self) {
        let connection = self.connection().await;
        let blocked = connection.write_was_blocked();
        tokio::pin!(blocked);
        // We listen before we look, so that nothing happens in between unheard.
        blocked.as_mut().enable();
        if !connection.is_write_blocked() {
            blocked.await;
        }
    }

    async fn connection(&self) -> Arc<ConnectionState> {
        loop {
            let attached = self.0.attached.notified();
            tokio::pin!(attached);
            attached.as_mut().enable();
            if let Some(connection) = self.0.lock().connection.clone() {
                return connection;
            }
            attached.await;
        }
    }

    /// How many bytes wait because the client has not read what went before.
    pub fn queued_bytes(&self) -> u64 {
        self.0.lock().bytes as u64
    }

    /// How many bytes the connection has taken so far, of all that was sent on it.
    pub fn written_bytes(&self) -> u64 {
        self.0.lock().connection.as_ref().map_or(0, |connection| connection.written_bytes())
    }

    /// Completes when the client's end is gone.
    pub async fn disconnected(&self) {
        let notified = self.0.gone.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if self.0.lock().phase != Phase::Gone {
            notified.await;
        }
    }
}

impl Queue {
    /// Takes the next record. An empty one would end the stream, so there are none.
    fn next(&mut self) -> Option<Bytes> {
        loop {
            let (record, counted) = match self.waiting.front_mut()? {
                Waiting::Record(record) => (std::mem::take(record), true),
                Waiting::Uncounted(record) => (std::mem::take(record), false),
                Waiting::Block(block, taken) => {
                    let record = block.record(*taken).unwrap_or_default();
                    *taken += 1;
                    self.bytes -= record.len();
                    if *taken >= block.ends.len() {
                        self.waiting.pop_front();
                    }
                    if record.is_empty() {
                        continue;
                    }
                    return Some(record);
                }
            };
            self.waiting.pop_front();
            if counted {
                self.bytes -= record.len();
            }
            return Some(record);
        }
    }

    fn is_blocked(&self) -> bool {
        !self.waiting.is_empty()
            || self.connection.as_ref().is_some_and(|connection| connection.is_write_blocked())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(mut queue: MutexGuard<'_, Queue>) {
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn break_off(mut queue: MutexGuard<'_, Queue>) {
        queue.phase = Phase::Broken;
        queue.waiting = VecDeque::new();
        queue.bytes = 0;
        if let Some(connection) = &queue.connection {
            connection.abort();
        }
        Self::wake(queue);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventStream")
            .field("queued_bytes", &self.lock().bytes)
            .finish_non_exhaustive()
    }
}
