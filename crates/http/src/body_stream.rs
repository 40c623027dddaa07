//! The body of a request that is handled while it arrives.

use std::fmt;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use thiserror::Error;

/// The body was cut off.
#[derive(Clone, Copy, Debug, Error)]
#[error("the request's body was cut off")]
pub struct BodyCut;

/// A body that is read piece by piece, without limits of its own: who reads it sets them.
pub struct BodyStream(UnsyncBoxBody<Bytes, BodyCut>);

impl BodyStream {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
    {
        Self(body.map_err(|_| BodyCut).boxed_unsync())
    }

    /// The next piece; none at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyCut>> {
        loop {
            match self.0.frame().await? {
                // Trailers say nothing to us.
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BodyStream")
    }
}
