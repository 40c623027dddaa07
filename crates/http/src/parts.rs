//! Long answers that are sent while they are being written: the client reads the beginning at once, and nobody needs the
//! memory for a second copy of the whole.

use std::collections::VecDeque;
use std::io::Write;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::event_stream::StreamBroken;

/// What is sent of an answer.
#[derive(Debug)]
enum Piece {
    Part(Bytes),
    End,
}

/// The writing half. An answer whose sender is dropped before [`PartSender::end`] is broken off, which the client notices.
#[derive(Debug)]
pub struct PartSender(UnboundedSender<Piece>);

/// The answer: a body that is sent in chunks, with a length that nobody knows.
#[derive(Debug)]
pub struct Parts {
    /// Before all that is received.
    first: VecDeque<Bytes>,
    received: UnboundedReceiver<Piece>,
    /// Behind all that is received.
    last: Option<Bytes>,
    packer: Option<GzEncoder<Vec<u8>>>,
    is_all_received: bool,
    has_ended: bool,
}

impl PartSender {
    /// Sends a part. Never waits: the answer is a moment's picture, so its writer cannot wait for a slow reader. Parts for a
    /// client that has gone are lost.
    pub fn send(&self, part: Bytes) {
        drop(self.0.send(Piece::Part(part)));
    }

    /// Ends the answer.
    pub fn end(self) {
        drop(self.0.send(Piece::End));
    }
}

impl Parts {
    /// Makes an answer that begins with `first`.
    pub fn new(first: Bytes) -> (PartSender, Self) {
        let (sender, received) = unbounded_channel();
        let parts = Self {
            first: VecDeque::from([first]),
            received,
            last: None,
            packer: None,
            is_all_received: false,
            has_ended: false,
        };
        (PartSender(sender), parts)
    }

    /// Puts something before and behind the answer.
    pub(crate) fn wrap(&mut self, before: Bytes, behind: Bytes) {
        self.first.push_front(before);
        self.last = Some(behind);
    }

    /// Has the answer packed, each part when it is sent.
    pub(crate) fn pack(&mut self) {
        self.packer = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    }

    pub(crate) fn poll_part(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StreamBroken>>> {
        loop {
            if self.has_ended {
                return Poll::Ready(None);
            }
            let Some(part) = ready!(self.poll_plain(context)) else {
                return Poll::Ready(Some(Err(StreamBroken)));
            };
            let part = match part {
                Piece::Part(part) => self.packed(part),
                Piece::End => {
                    self.has_ended = true;
                    self.packed_end()
                }
            };
            match part {
                Ok(part) if part.is_empty() => {}
                Ok(part) => return Poll::Ready(Some(Ok(part))),
                Err(_) => return Poll::Ready(Some(Err(StreamBroken))),
            }
        }
    }

    /// The next part as it was written; `None` if the writer is gone.
    fn poll_plain(&mut self, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        if let Some(part) = self.first.pop_front() {
            return Poll::Ready(Some(Piece::Part(part)));
        }
        if self.is_all_received {
            return Poll::Ready(Some(Piece::End));
        }
        Poll::Ready(match ready!(self.received.poll_recv(context)) {
            Some(Piece::End) => {
                self.is_all_received = true;
                Some(self.last.take().map_or(Piece::End, Piece::Part))
            }
            next => next,
        })
    }

    fn packed(&mut self, part: Bytes) -> std::io::Result<Bytes> {
        let Some(packer) = &mut self.packer else { return Ok(part) };
        packer.write_all(&part)?;
        Ok(std::mem::take(packer.get_mut()).into())
    }

    fn packed_end(&mut self) -> std::io::Result<Bytes> {
        match self.packer.take() {
            Some(packer) => packer.finish().map(Bytes::from),
            None => Ok(Bytes::new()),
        }
    }
}
