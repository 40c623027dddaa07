//! A small daemon on port 0 and a client that writes and reads bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tepui_http::{
    EventSender, Limits, PartSender, Parts, Request, Response, Router, Unhurried, call, response, serve,
};
use tepui_proto::{MesosMessage, v1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long any wait may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Daemon {
    pub(crate) address: SocketAddr,
    /// The senders of streams that clients opened at `/stream`.
    pub(crate) streams: mpsc::UnboundedReceiver<EventSender>,
    /// The senders of answers in parts that clients asked for at `/parts`.
    parts: mpsc::UnboundedReceiver<PartSender>,
    /// Lets a request to `/slow` finish.
    pub(crate) release: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Daemon {
    pub(crate) async fn start() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        let (opened, streams) = mpsc::unbounded_channel();
        let (asked, parts) = mpsc::unbounded_channel();
        let release = Arc::new(Notify::new());
        let router = routes(&limits, opened, asked, Arc::clone(&release));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let front = move |request, peer| {
            let router = router.clone();
            async move { router.handle(request, peer).await }
        };
        let server = tokio::spawn(serve(listener, limits, front, async { drop(stopped.await) }));
        Self { address, streams, parts, release, stop: Some(stop), server }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client { socket: TcpStream::connect(self.address).await.unwrap(), unread: Vec::new() }
    }

    /// Sends one request on a connection of its own and gives its answer.
    pub(crate) async fn ask(&self, request: &[u8]) -> Answer {
        let mut client = self.connect().await;
        client.write(request).await;
        client.answer().await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).await
    }

    /// The sender of the stream that a client has just opened.
    pub(crate) async fn stream(&mut self) -> EventSender {
        within(self.streams.recv()).await.expect("the daemon runs")
    }

    /// Claims that the daemon still answers.
    /// The sender of an answer that a client asked for.
    pub(crate) async fn parts(&mut self) -> PartSender {
        within(self.parts.recv()).await.unwrap()
    }

    pub(crate) async fn is_alive(&self) -> bool {
        self.get("/health").await.status == "200 OK"
    }

    /// Stops the daemon; all its connections' tasks have ended afterwards.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        within(self.server).await.unwrap();
    }
}

pub(crate) struct Client {
    socket: TcpStream,
    unread: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: String,
    /// By name as it was sent.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        within(self.socket.write_all(bytes)).await.unwrap();
    }

    /// Writes to a daemon that may close the connection meanwhile, and ends the client's side.
    pub(crate) async fn write_what_is_taken(&mut self, bytes: &[u8]) {
        if within(self.socket.write_all(bytes)).await.is_ok() {
            // The daemon may have closed it by now.
            drop(within(self.socket.shutdown()).await);
        }
    }

    pub(crate) async fn head(&mut self) -> Answer {
        let mut end = self.read_until(b"\r\n\r\n").await;
        if end.starts_with(b"HTTP/1.1 100 ") {
            end = self.read_until(b"\r\n\r\n").await;
        }
        let head = String::from_utf8(end).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let (version, status) = lines.next().unwrap().split_once(' ').unwrap();
        let header = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
        Answer {
            version: version.to_owned(),
            status: status.to_owned(),
            headers: lines
                .map(|line| header(line).unwrap_or_else(|| (line.to_owned(), String::new())))
                .collect(),
            body: Vec::new(),
        }
    }

    /// Reads a response with a `Content-Length`.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length: usize = answer.headers.get("Content-Length").map_or(0, |length| length.parse().unwrap());
        answer.body = self.read(length).await;
        answer
    }

    /// Reads one chunk; empty for the last one.
    pub(crate) async fn chunk(&mut self) -> Vec<u8> {
        let line = self.read_until(b"\r\n").await;
        let length = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim_end(), 16).unwrap();
        let mut chunk = self.read(length + 2).await;
        assert_eq!(chunk.split_off(length), b"\r\n");
        chunk
    }

    /// All that the daemon still sends until it closes the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.unread)
    }

    async fn read(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            assert!(self.fill().await, "closed too early: {:?}", String::from_utf8_lossy(&self.unread));
        }
        self.unread.drain(..length).collect()
    }

    async fn read_until(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return self.unread.drain(..at + mark.len()).collect();
            }
            assert!(self.fill().await, "closed too early: {:?}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// Claims that something was read; a reset counts as the end.
    /// Whether there is anything that the daemon has written and that was not asked for yet.
    pub(crate) fn has_more(&self) -> bool {
        let taken = self.socket.try_read_buf(&mut Vec::with_capacity(1)).unwrap_or(0);
        !self.unread.is_empty() || taken > 0
    }

    async fn fill(&mut self) -> bool {
        within(self.socket.read_buf(&mut self.unread)).await.unwrap_or(0) > 0
    }
}

/// Fails the test instead of hanging.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("it happens in time")
}

fn routes(
    limits: &Limits,
    opened: mpsc::UnboundedSender<EventSender>,
    asked: mpsc::UnboundedSender<PartSender>,
    release: Arc<Notify>,
) -> Router {
    let names = |name: &'static str| {
        move |request: Request| async move {
            response::ok("text/plain", format!("{name} {}", request.rest).trim_end().to_owned().into())
        }
    };
    Router::builder("master", limits)
        .route("/", names("index"))
        .route("/state", names("state"))
        .route("/health", |_| async { response::empty(http::StatusCode::OK) })
        .route("/api/v1", |request| async move {
            let has_type = |call: &v1::master::Call| call.r#type.is_some();
            api("master", has_type, &request).unwrap_or_else(|refusal| refusal)
        })
        .route("/api/v1/scheduler", |request| async move {
            let has_type = |call: &v1::scheduler::Call| call.r#type.is_some();
            api("scheduler", has_type, &request).unwrap_or_else(|refusal| refusal)
        })
        .route("/message", |_| async {
            let mut response = response::accepted();
            response.extensions_mut().insert(Unhurried);
            response
        })
        .route("/parts", move |request: Request| {
            let (sender, parts) = Parts::new(Bytes::from_static(b"first "));
            asked.send(sender).unwrap();
            async move { response::json_parts(parts, request.query().unwrap().value("jsonp")) }
        })
        .route("/big", |_| async { response::json(Bytes::from(vec![b'x'; 300_000]), None) })
        .route("/length", |request: Request| async move {
            response::ok("text/plain", request.body.len().to_string().into())
        })
        .route("/panic", |_| async { panic!("a handler's bug") })
        .route("/slow", move |_| {
            let release = Arc::clone(&release);
            async move {
                release.notified().await;
                response::ok("text/plain", Bytes::from_static(b"slow"))
            }
        })
        .route("/stream", move |request: Request| {
            let limit =
                request.query().unwrap().value("limit").map_or(1 << 20, |limit| limit.parse().unwrap());
            let (sender, response) = response::event_stream("application/json", Some("the-id"), limit);
            opened.send(sender).unwrap();
            async { response }
        })
        .process_route("metrics", "/snapshot", names("snapshot"))
        .process_route("version", "/", |request: Request| async move {
            let query = match request.query() {
                Ok(query) => query,
                Err(refusal) => return refusal,
            };
            response::json(Bytes::from_static(b"{\"version\":\"1.11.0\"}"), query.value("jsonp"))
        })
        .assets("static", names("asset"))
        .build()
}

/// What the v1 APIs have in common. Calls with a type are echoed.
#[expect(clippy::result_large_err, reason = "as in the crate")]
fn api<M: MesosMessage>(
    name: &str,
    has_type: fn(&M) -> bool,
    request: &Request,
) -> Result<Response, Response> {
    let (_, call) = call::decode::<M>(request)?;
    if !has_type(&call) {
        let error = format!("Failed to validate {name}::Call: Expecting 'type' to be present");
        return Err(response::bad_request(&error));
    }
    let content_type = call::accept(request)?;
    Ok(response::ok(content_type.name(), tepui_wire::encode(content_type, &call)))
}
