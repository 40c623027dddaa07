//! A request as handlers see it.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, Method};

use crate::{Query, Response, response};

/// A request whose body has been read, and unpacked if it was gzipped.
#[derive(Debug)]
pub struct Request {
    /// Method, URI and headers.
    pub head: http::request::Parts,
    /// The whole body.
    pub body: Bytes,
    /// Who sent it.
    pub peer: SocketAddr,
    /// What of the path followed the route's own path, without slashes at its ends. Empty for an exact match.
    pub rest: String,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path as it was sent.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// Path and query as they were sent: what a redirect to the leader repeats.
    pub fn path_and_query(&self) -> &str {
        self.head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// A header's value. An empty one, or one that is not text, counts as absent: clients send an empty
    /// `Mesos-Stream-Id` and mean none.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
    }

    /// A header's value, also an empty one.
    pub fn header_or_empty(&self, name: HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// A header that HTTP does not know, such as `Mesos-Stream-Id`.
    pub fn header_named(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
    }

    /// The parameters of the query string, or the refusal to send.
    #[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
    pub fn query(&self) -> Result<Query, Response> {
        Query::parse(self.head.uri.query().unwrap_or_default()).map_err(|error| response::bad_request(&error))
    }
}
