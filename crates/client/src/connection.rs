//! One HTTP connection of our own, so that calls keep their order.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tracing::debug;

use crate::Address;

/// How long a peer may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nobody accepted the connection.
    #[error("failed to connect to `{address}`")]
    Connect {
        /// Where.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// The connection broke, or the peer does not speak HTTP.
    #[error("failed to talk to `{address}`")]
    Http {
        /// To whom.
        address: Address,
        /// Why.
        source: hyper::Error,
    },
    /// The peer took too long to answer.
    #[error("failed to get an answer from `{address}` within {} s", timeout.as_secs())]
    Timeout {
        /// From whom.
        address: Address,
        /// How long.
        timeout: Duration,
    },
}

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    address: Address,
    sender: http1::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self, TransportError> {
        let failed = |source| TransportError::Connect { address: address.clone(), source };
        let connecting = TcpStream::connect((address.host(), address.port()));
        let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(failed)?,
            Err(_) => return Err(failed(io::ErrorKind::TimedOut.into())),
        };
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| TransportError::Http { address: address.clone(), source })?;
        let shown = address.clone();
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                debug!(address = %shown, %error, "a connection ended");
            }
        });
        Ok(Self { address: address.clone(), sender, driver })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether another request can be sent.
    pub(crate) fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and returns the head of the answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TransportError> {
        let failed = |source| TransportError::Http { address: self.address.clone(), source };
        self.sender.ready().await.map_err(failed)?;
        self.sender.send_request(request).await.map_err(failed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
