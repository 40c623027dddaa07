//! The body of a request, as it arrives.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::connection::ConnectionState;

/// The body of a request that [`crate::serve()`] passes on. The connection learns from it when a handler has all it
/// waits for, and is thinking.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    connection: Arc<ConnectionState>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, connection: Arc<ConnectionState>) -> Self {
        if incoming.is_end_stream() {
            connection.note_whole_request();
        }
        Self { incoming, connection }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.incoming).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            this.connection.note_whole_request();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.note_whole_request();
    }
}
