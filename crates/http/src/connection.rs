//! One connection: its socket with a timeout for request heads that trickle in, and a way to drop it from outside.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Sleep;

use crate::event_stream::StreamBroken;
use crate::{Limits, ResponseBody};

/// What the socket, the response bodies and the event streams of one connection share.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    /// How many requests have begun to be handled.
    requests: AtomicU64,
    /// How many responses are not finished.
    in_flight: AtomicUsize,
    /// The handler has the whole request (or wants no more of it), and the response is not finished.
    working: AtomicBool,
    /// Nobody waits for the last response.
    is_last_unhurried: AtomicBool,
    /// Nobody waits for any response that has not been written.
    is_unhurried: AtomicBool,
    aborted: Notify,
    /// The socket does not take more for now.
    write_blocked: AtomicBool,
    /// It has just ceased to.
    write_was_blocked: Notify,
    /// How many bytes the socket has taken.
    written_bytes: AtomicU64,
    /// It does again.
    write_unblocked: Notify,
}

impl ConnectionState {
    /// Drops the connection without finishing what is under way.
    pub(crate) fn abort(&self) {
        self.aborted.notify_one();
    }

    pub(crate) async fn aborted(&self) {
        self.aborted.notified().await;
    }

    /// Claims that the client's side of the socket is full.
    pub(crate) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Ordering::Relaxed)
    }

    /// Completes when the socket takes bytes again after it was full.
    pub(crate) fn write_unblocked(&self) -> Notified<'_> {
        self.write_unblocked.notified()
    }

    /// Completes when the socket is full again.
    pub(crate) fn write_was_blocked(&self) -> Notified<'_> {
        self.write_was_blocked.notified()
    }

    /// How many bytes the socket has taken so far. Grows only if the client's side acknowledges something.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    fn note_write<E>(&self, written: &Poll<Result<usize, E>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.written_bytes.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        let is_blocked = written.is_pending();
        match (self.write_blocked.swap(is_blocked, Ordering::Relaxed), is_blocked) {
            (false, true) => self.write_was_blocked.notify_waiters(),
            (true, false) => self.write_unblocked.notify_waiters(),
            (false, false) | (true, true) => {}
        }
    }

    /// Notes that the handler waits for nothing from this connection any more.
    pub(crate) fn note_whole_request(&self) {
        self.working.store(true, Ordering::Relaxed);
    }

    /// Counts a request in; the guard counts its response out.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.working.store(false, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }
}

/// Held while a request is being answered.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<ConnectionState>);

impl InFlight {
    /// Notes whether anybody waits for this response. The first after one that somebody waits for is written like that one.
    pub(crate) fn note_hurry(&self, is_hurried: bool) {
        self.0.is_last_unhurried.store(!is_hurried, Ordering::Relaxed);
        if is_hurried {
            self.0.is_unhurried.store(false, Ordering::Relaxed);
        }
    }

    /// Ties the guard to the life of the response's body.
    pub(crate) fn with_body(self, body: ResponseBody) -> TrackedBody {
        match &body {
            ResponseBody::Events(stream) => stream.attach(Arc::clone(&self.0)),
            ResponseBody::Whole(_) | ResponseBody::Parts(_) => {}
        }
        TrackedBody { body, _in_flight: self }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.working.store(false, Ordering::Relaxed);
    }
}

/// A response body whose end the connection knows of.
#[derive(Debug)]
pub(crate) struct TrackedBody {
    body: ResponseBody,
    _in_flight: InFlight,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = StreamBroken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamBroken>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that fails when a request head takes too long, and that answers many pipelined requests in one write.
///
/// hyper has a timeout for heads, but it also closes idle connections, and those are what a link consists of. So the
/// clock starts at the first byte of a request, and stops when the request reaches its handler.
///
/// hyper flushes after each response. (Its own option against that also lifts the bound on streams that nobody reads.)
/// We hold a flush back while hyper has not yet exhausted what was read: it either finds another request there, whose
/// response joins, or it reads again and is told to wait, and then we write. While a handler has its whole request and
/// has not finished its response, a flush is held back for [`TURNS`] turns of the executor at most: what answers at
/// once joins, and neither streams nor what came before a slow handler are delayed.
///
/// Responses for which nobody waits ([`crate::Unhurried`]) are written with the next one that somebody waits for, or when
/// the first of them has waited for long enough.
#[derive(Debug)]
pub(crate) struct ConnectionIo {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    header_timeout: Duration,
    head: Option<PartialHead>,
    /// What hyper has written and the socket has not taken.
    unwritten: BytesMut,
    /// The last read had to wait, so hyper may not read again before it idles.
    read_blocked: bool,
    /// For which request (by the count of them) a flush was held back last, and how often.
    held_back: (u64, u8),
    unhurried_delay: Duration,
    /// When responses must be written for which nobody waits.
    latest: Option<Pin<Box<Sleep>>>,
}

/// How often a flush is held back for one request: the handler's owner may let others go first once, and then answers.
const TURNS: u8 = 2;

/// How much is held back at most; longer writes go to the socket directly.
const HELD_BACK_BYTES: usize = 16 * 1024;

#[derive(Debug)]
struct PartialHead {
    /// The count of requests when the clock started: once it has moved on, that head is complete.
    requests: u64,
    deadline: Pin<Box<Sleep>>,
}

impl ConnectionIo {
    pub(crate) fn new(stream: TcpStream, state: Arc<ConnectionState>, limits: &Limits) -> Self {
        Self {
            stream,
            state,
            header_timeout: limits.header_timeout,
            head: None,
            unwritten: BytesMut::new(),
            read_blocked: false,
            held_back: (0, 0),
            unhurried_delay: limits.unhurried_delay,
            latest: None,
        }
    }

    fn poll_write_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &self.unwritten);
            self.state.note_write(&written);
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.unwritten.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        // An idle connection holds no buffer and no timer.
        self.unwritten = BytesMut::new();
        self.latest = None;
        let is_unhurried = self.state.is_last_unhurried.load(Ordering::Relaxed);
        self.state.is_unhurried.store(is_unhurried, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    /// Claims that nobody waits for what is not written, and that it has not waited for too long.
    fn has_time(&mut self, context: &mut Context<'_>) -> bool {
        if self.unwritten.is_empty() || !self.state.is_unhurried.load(Ordering::Relaxed) {
            return false;
        }
        let delay = self.unhurried_delay;
        let latest = self.latest.get_or_insert_with(|| Box::pin(tokio::time::sleep(delay)));
        latest.as_mut().poll(context).is_pending()
    }

    /// Lets the handler have a turn before we write, unless it had its turns.
    fn hold_back(&mut self, context: &Context<'_>) -> bool {
        let request = self.state.requests.load(Ordering::Relaxed);
        if self.held_back.0 != request {
            self.held_back = (request, 0);
        }
        let may = self.held_back.1 < TURNS && !self.unwritten.is_empty();
        if may {
            self.held_back.1 += 1;
            context.waker().wake_by_ref();
        }
        may
    }

    fn forget_complete_head(&mut self) {
        let requests = self.state.requests.load(Ordering::Relaxed);
        if self.head.as_ref().is_some_and(|head| head.requests != requests) {
            self.head = None;
        }
    }

    fn note_bytes(&mut self) {
        if self.head.is_none() && self.state.in_flight.load(Ordering::Relaxed) == 0 {
            let requests = self.state.requests.load(Ordering::Relaxed);
            let deadline = Box::pin(tokio::time::sleep(self.header_timeout));
            self.head = Some(PartialHead { requests, deadline });
        }
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.forget_complete_head();
        let filled = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.read_blocked = read.is_pending();
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() > filled => this.note_bytes(),
            Poll::Ready(_) => {}
            Poll::Pending => {
                if !this.has_time(context)
                    && let Poll::Ready(Err(error)) = this.poll_write_out(context)
                {
                    return Poll::Ready(Err(error));
                }
                if let Some(head) = &mut this.head
                    && head.deadline.as_mut().poll(context).is_ready()
                {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        read
    }
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.unwritten.len() + bytes.len() <= HELD_BACK_BYTES {
            this.unwritten.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(this.poll_write_out(context))?;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.state.note_write(&written);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.read_blocked && (!this.state.working.load(Ordering::Relaxed) || this.hold_back(context)) {
            return Poll::Ready(Ok(()));
        }
        if this.has_time(context) {
            return Poll::Ready(Ok(()));
        }
        this.poll_write_out(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_out(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}
