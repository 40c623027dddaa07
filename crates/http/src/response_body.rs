//! The body of a response: whole, or streamed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::event_stream::StreamBroken;
use crate::{EventStream, Parts};

/// A response of a handler.
pub type Response = http::Response<ResponseBody>;

/// How much of a whole body goes to the connection at a time, so that a slow reader of a long body does not make the
/// connection copy all of it into its write buffer.
const FRAME_BYTES: usize = 64 * 1024;

/// Marks a response, as one of its extensions, for which nobody waits: it may leave with the next ones, or a little later.
/// Between daemons each message is answered, and the sender throws the answer away.
#[derive(Clone, Copy, Debug)]
pub struct Unhurried;

/// The body of a [`Response`].
#[derive(Debug)]
pub enum ResponseBody {
    /// All of it. Empty bytes mean no body: `Content-Length: 0`.
    Whole(Bytes),
    /// A chunked stream whose [`crate::EventSender`] is elsewhere.
    Events(EventStream),
    /// A long answer in chunks, whose [`crate::PartSender`] is elsewhere.
    Parts(Parts),
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<EventStream> for ResponseBody {
    fn from(stream: EventStream) -> Self {
        Self::Events(stream)
    }
}

impl From<Parts> for ResponseBody {
    fn from(parts: Parts) -> Self {
        Self::Parts(parts)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = StreamBroken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamBroken>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => {
                let frame = bytes.split_to(bytes.len().min(FRAME_BYTES));
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            Self::Events(stream) => {
                stream.poll_record(context).map(|next| next.map(|record| record.map(Frame::data)))
            }
            Self::Parts(parts) => parts.poll_part(context).map(|next| next.map(|part| part.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Events(_) | Self::Parts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Events(_) | Self::Parts(_) => SizeHint::default(),
        }
    }
}
