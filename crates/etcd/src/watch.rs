//! Changes of keys, as they happen.

use tonic::Streaming;

use crate::Error;
use crate::message::{Event, WatchResponse};

const DOING: &str = "watch keys";

/// An open watch; dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    stream: Streaming<WatchResponse>,
    endpoint: String,
}

impl Watch {
    pub(crate) fn new(stream: Streaming<WatchResponse>, endpoint: String) -> Self {
        Self { stream, endpoint }
    }

    /// Waits for the next changes.
    ///
    /// # Errors
    /// The watch ended: make a new one, from a fresh reading of the keys.
    pub async fn changed(&mut self) -> Result<Vec<Event>, Error> {
        loop {
            let message = self.stream.message().await;
            let ended = || tonic::Status::unavailable("the stream ended");
            let response = message
                .and_then(|response| response.ok_or_else(ended))
                .map_err(|status| Error::from_status(DOING, &self.endpoint, status))?;
            if response.canceled {
                return Err(Error::NotFound { doing: DOING, message: response.cancel_reason });
            }
            if !response.events.is_empty() {
                return Ok(response.events);
            }
        }
    }
}
