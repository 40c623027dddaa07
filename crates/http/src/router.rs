//! The route table.
//!
//! Mesos' daemons consist of named processes: `/metrics/snapshot` is the endpoint `/snapshot` of the process
//! `metrics`. A path finds its handler as follows, and clients have come to rely on each rule:
//!
//! - The first segment, percent-decoded, names the process. If there is none of that name, the request goes to the
//!   main process (`master`, or `slave(1)`), so `/state` is `/master/state`.
//! - The rest finds the endpoint of the longest prefix, segment by segment: `/api/v1/nope` is handled by `/api/v1`.
//!   An endpoint `/` is found by the bare name of its process only. Slashes at the ends do not count.
//! - The rest is compared as it is: an escape in it never matches.
//! - A path with `/..` is not found, and `//version` is not either (the process is recognised, but its name cannot be
//!   cut off in front).
//!
//! The router reads and unpacks the body before the handler sees the request, also for refusals: the connection stays
//! usable whatever the answer is.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;

use crate::gzip::{self, Unpack};
use crate::query::percent_decode;
use crate::{BodyStream, Limits, Request, Response, response};

/// What requests of type [`RECORDIO`] are: records that are handled while they arrive.
const RECORDIO: &str = "application/recordio";

type StreamHandler =
    Arc<dyn Fn(Request, BodyStream) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

type Handler = Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// A finished route table; cheap to clone.
#[derive(Clone)]
pub struct Router(Arc<Table>);

/// Collects routes for a [`Router`].
pub struct RouterBuilder(Table);

struct Table {
    main: String,
    processes: BTreeMap<String, Process>,
    max_body_bytes: usize,
    body_timeout: Duration,
}

#[derive(Default)]
struct Process {
    /// By path without the leading slash; the endpoint `/` is the empty string.
    endpoints: BTreeMap<String, Handler>,
    /// What endpoints of these paths do with streams.
    streams: BTreeMap<String, StreamHandler>,
    /// By first segment; they take whatever follows.
    assets: BTreeMap<String, Handler>,
}

impl Router {
    /// Begins a table whose main process has this name: `master` or `slave(1)`.
    pub fn builder(main: &str, limits: &Limits) -> RouterBuilder {
        RouterBuilder(Table {
            main: main.to_owned(),
            processes: BTreeMap::from([(main.to_owned(), Process::default())]),
            max_body_bytes: limits.max_body_bytes,
            body_timeout: limits.body_timeout,
        })
    }

    /// Answers a request.
    pub async fn handle<B>(&self, request: http::Request<B>, peer: SocketAddr) -> Response
    where
        B: Body<Data = Bytes> + Unpin + Send + 'static,
    {
        let (head, body) = request.into_parts();
        let accepts_gzip = gzip::accepts_gzip(&head.headers);
        let is_stream = head.headers.get(CONTENT_TYPE).is_some_and(|value| value == RECORDIO);
        if is_stream && let Some((handler, rest)) = self.0.find_stream(head.uri.path()) {
            let request = Request { head, body: Bytes::new(), peer, rest };
            return handler(request, BodyStream::new(body)).await;
        }
        let body = match self.read_body(&head.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let Some((handler, rest)) = self.0.find(head.uri.path()) else {
            return response::not_found();
        };
        let response = handler(Request { head, body, peer, rest }).await;
        gzip::pack(accepts_gzip, response).await
    }

    async fn read_body<B>(&self, headers: &http::HeaderMap, body: B) -> Result<Bytes, Response>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let limit = self.0.max_body_bytes;
        let body = collect(body, limit, self.0.body_timeout).await?;
        match headers.get(CONTENT_ENCODING) {
            Some(encoding) if encoding.as_bytes().eq_ignore_ascii_case(b"gzip") => {
                gzip::unpack(body, limit).await.map_err(|error| match error {
                    Unpack::Malformed => response::bad_request("Failed to decompress the request's body"),
                    Unpack::TooLong => too_long(limit),
                })
            }
            Some(_) | None => Ok(body),
        }
    }
}

impl RouterBuilder {
    /// Adds an endpoint of the main process, such as `/api/v1/scheduler`.
    #[must_use]
    pub fn route<H, F>(self, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let main = self.0.main.clone();
        self.process_route(&main, path, handler)
    }

    /// Has an endpoint of the main process handle bodies of type `application/recordio` while they arrive.
    #[must_use]
    pub fn streams<H, F>(mut self, path: &str, handler: H) -> Self
    where
        H: Fn(Request, BodyStream) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let main = self.0.processes.entry(self.0.main.clone()).or_default();
        let handler: StreamHandler = Arc::new(move |request, body| Box::pin(handler(request, body)));
        main.streams.insert(path.trim_matches('/').to_owned(), handler);
        self
    }

    /// Adds an endpoint of another process, such as `/snapshot` of `metrics`, or `/` of `version`.
    #[must_use]
    pub fn process_route<H, F>(mut self, process: &str, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let process = self.0.processes.entry(process.to_owned()).or_default();
        process.endpoints.insert(path.trim_matches('/').to_owned(), boxed(handler));
        self
    }

    /// Adds files of the main process: all below `/<segment>` that is no endpoint. [`Request::rest`] is the file.
    #[must_use]
    pub fn assets<H, F>(mut self, segment: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let main = self.0.processes.entry(self.0.main.clone()).or_default();
        main.assets.insert(segment.to_owned(), boxed(handler));
        self
    }

    /// Finishes the table.
    pub fn build(self) -> Router {
        Router(Arc::new(self.0))
    }
}

impl Table {
    /// The handler for a path, and what of the path it did not name.
    fn find(&self, path: &str) -> Option<(Handler, String)> {
        let (process, path) = self.process(path)?;
        process.find(path)
    }

    /// The handler for a stream of records, if the endpoint of this path takes them.
    fn find_stream(&self, path: &str) -> Option<(StreamHandler, String)> {
        let (process, path) = self.process(path)?;
        let (prefix, rest) = process.prefix(path)?;
        Some((Arc::clone(process.streams.get(prefix)?), rest))
    }

    /// The process of a path, and the path that it is left with.
    fn process<'a>(&'a self, path: &'a str) -> Option<(&'a Process, &'a str)> {
        if !path.starts_with('/') || path.contains("/..") {
            return None;
        }
        let first = path.split('/').find(|segment| !segment.is_empty()).unwrap_or_default();
        let named = percent_decode(first).ok().and_then(|name| self.processes.get(&name));
        let (process, path_of_process) = match named {
            Some(process) => {
                // Compat: only one slash may stand before the process' name, else the name stays part of the path.
                let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(first));
                (process, rest.unwrap_or(path))
            }
            None => (self.processes.get(&self.main)?, path),
        };
        Some((process, path_of_process.trim_matches('/')))
    }
}

impl Process {
    /// The longest prefix that names an endpoint, and the rest.
    fn prefix<'a>(&self, path: &'a str) -> Option<(&'a str, String)> {
        let mut prefix = path;
        while !self.endpoints.contains_key(prefix) {
            prefix = prefix.rsplit_once('/')?.0.trim_end_matches('/');
        }
        Some((prefix, path[prefix.len()..].trim_matches('/').to_owned()))
    }

    fn find(&self, path: &str) -> Option<(Handler, String)> {
        if let Some((prefix, rest)) = self.prefix(path)
            && let Some(handler) = self.endpoints.get(prefix)
        {
            return Some((Arc::clone(handler), rest));
        }
        let (segment, rest) = path.split_once('/').unwrap_or((path, ""));
        let handler = self.assets.get(segment)?;
        Some((Arc::clone(handler), rest.trim_matches('/').to_owned()))
    }
}

fn boxed<H, F>(handler: H) -> Handler
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    Arc::new(move |request| Box::pin(handler(request)))
}

/// Reads a body that may not exceed `limit` nor pause longer than `timeout`.
async fn collect<B>(mut body: B, limit: usize, timeout: Duration) -> Result<Bytes, Response>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(timeout, body.frame()).await {
            Ok(None) => return Ok(if all.is_empty() { first } else { all.freeze() }),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => {
                return Err(closing(response::bad_request("Failed to read the request's body")));
            }
            Err(_) => {
                let text = "The request's body did not arrive in time";
                return Err(closing(response::text(StatusCode::REQUEST_TIMEOUT, text)));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(closing(too_long(limit)));
        }
        // Most bodies are one frame, and need not be copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if !first.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
}

fn too_long(limit: usize) -> Response {
    response::text(StatusCode::PAYLOAD_TOO_LARGE, format!("The request's body exceeds {limit} bytes"))
}

/// Marks the connection as unusable after this response: the rest of the request was not read.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

impl fmt::Debug for Router {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for RouterBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes =
            self.processes.iter().map(|(name, process)| (name, process.endpoints.keys().collect::<Vec<_>>()));
        formatter.debug_map().entries(routes).finish()
    }
}
