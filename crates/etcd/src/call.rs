//! One call over one connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// The greatest answer that is read: a page of a listing has at most [`crate::client::PAGE`] values, which etcd bounds at
/// 1.5 MiB each.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// Sends a message and waits for the one that answers it.
pub(crate) async fn unary<Q, A>(
    channel: Channel,
    path: &'static str,
    token: Option<String>,
    message: Q,
) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = ready(channel).await?;
    let request = with_token(Request::new(message), token)?;
    let codec = ProstCodec::<Q, A>::default();
    Ok(grpc.unary(request, PathAndQuery::from_static(path), codec).await?.into_inner())
}

/// Sends a message, keeps our side open, and gives what the other side says.
pub(crate) async fn stream<Q, A>(
    channel: Channel,
    path: &'static str,
    token: Option<String>,
    message: Q,
) -> Result<Streaming<A>, Status>
where
    Q: Message + Unpin + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = ready(channel).await?;
    let request = with_token(Request::new(KeptOpen(Some(message))), token)?;
    let codec = ProstCodec::<Q, A>::default();
    Ok(grpc.streaming(request, PathAndQuery::from_static(path), codec).await?.into_inner())
}

async fn ready(channel: Channel) -> Result<Grpc<Channel>, Status> {
    let mut grpc = Grpc::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
    grpc.ready().await.map_err(|error| Status::unavailable(error_chain(&error)))?;
    Ok(grpc)
}

/// The transport's own text is "transport error"; what is wrong stands behind it.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn with_token<T>(mut request: Request<T>, token: Option<String>) -> Result<Request<T>, Status> {
    if let Some(token) = token {
        let value = MetadataValue::try_from(token.as_str())
            .map_err(|_| Status::unauthenticated("the token is no header"))?;
        request.metadata_mut().insert("token", value);
    }
    Ok(request)
}

/// A stream of one message that does not end, because etcd closes a call whose caller is done.
struct KeptOpen<T>(Option<T>);

impl<T: Unpin> Stream for KeptOpen<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        match self.0.take() {
            Some(message) => Poll::Ready(Some(message)),
            None => Poll::Pending,
        }
    }
}
