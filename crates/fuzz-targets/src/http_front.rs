//! The HTTP front of a daemon: any bytes on a connection get responses, and the rest of the program is as before.
//!
//! hyper parses them; what is ours is the route table, the query, the body and its gzip, the order in which a call is
//! refused, and the receiving half of the link. The connection is in memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tepui_http::{Limits, Query, Request, Response, ResponseBody, Router, call, response};
use tepui_link::{Link, LinkConfig, LinkEvent, is_link_request};
use tepui_proto::{LinkMessage, v1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::source::Source;

/// The largest body; small, so that what grows without a bound is seen to.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Messages of the link in one run are fewer than its bytes.
const MAX_MESSAGES: usize = 4096;

struct World {
    runtime: Runtime,
    router: Router,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

/// A byte that says where the stream is cut, and the stream.
pub(crate) fn target(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let chunk = usize::from(source.byte()) + 1;
    let stream = source.rest();
    let _ = Query::parse(&String::from_utf8_lossy(stream));
    WORLD.with_borrow(|world| {
        let answers = world.runtime.block_on(exchange(world, stream, chunk));
        check(&answers);
        let health = b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n";
        let answers = world.runtime.block_on(exchange(world, health, health.len()));
        assert!(
            answers.starts_with(b"HTTP/1.1 200 "),
            "the next client: {:?}",
            String::from_utf8_lossy(&answers)
        );
    });
}

/// All that comes back is HTTP, as far as can be told without knowing the requests.
fn check(answers: &[u8]) {
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(answers));
}

/// Sends all bytes on one connection, ends it, and gives back what came.
async fn exchange(world: &World, stream: &[u8], chunk: usize) -> Vec<u8> {
    let (mut client, server) = duplex(16 * 1024);
    let (events, mut received) = mpsc::channel(MAX_MESSAGES);
    let link =
        Link::new(LinkConfig { max_message_bytes: MAX_BODY_BYTES, ..LinkConfig::new(address()) }, events);
    link.register("master");
    link.register_family(|actor| actor.starts_with("slave-observer("));
    let service = service_fn(|request| {
        let (link, router) = (link.clone(), world.router.clone());
        async move { Ok::<_, Infallible>(serve(&link, &router, request).await) }
    });
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .max_header_size(Limits::default().max_header_bytes)
        .header_read_timeout(None)
        // What the client sent is answered although it sends no more.
        .half_close(true)
        .serve_connection(TokioIo::new(server), service);
    let talk = async move {
        let (mut reader, mut writer) = tokio::io::split(&mut client);
        let write = async move {
            for part in stream.chunks(chunk) {
                if writer.write_all(part).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            // The server may have closed it first.
            drop(writer.shutdown().await);
        };
        let mut answers = Vec::new();
        let (read, ()) = tokio::join!(reader.read_to_end(&mut answers), write);
        drop(read);
        answers
    };
    let (ended, answers) = tokio::join!(connection, talk);
    drop(ended);
    while let Ok(event) = received.try_recv() {
        if let LinkEvent::Received { name, body, .. } = event {
            let _ = LinkMessage::decode(&name, &body);
        }
    }
    answers
}

type Body = Either<ResponseBody, Full<Bytes>>;

/// As the daemons do it.
async fn serve(link: &Link, router: &Router, request: http::Request<Incoming>) -> http::Response<Body> {
    let (head, body) = request.into_parts();
    let is_message = is_link_request(&head);
    let request = http::Request::from_parts(head, body.boxed());
    if is_message {
        link.receive(request, address()).await.map(|body| Either::Right(Full::new(body)))
    } else {
        router.handle(request, address()).await.map(Either::Left)
    }
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime without sockets can always be made");
        Self { runtime, router: routes() }
    }
}

fn routes() -> Router {
    let limits = Limits { max_body_bytes: MAX_BODY_BYTES, ..Limits::default() };
    Router::builder("master", &limits)
        .route("/health", |_| async { response::ok("text/plain", Bytes::new()) })
        .route("/state", |request| async move { json(&request) })
        .route("/api/v1", |request| async move { decoded::<v1::master::Call>(&request) })
        .route("/api/v1/scheduler", |request| async move { decoded::<v1::scheduler::Call>(&request) })
        .route("/redirect", |request| async move {
            response::redirect_to_leader("leader", 5050, request.path_and_query())
        })
        .process_route("metrics", "/snapshot", |request| async move { json(&request) })
        .process_route("version", "/", |_| async { response::ok("text/plain", Bytes::from_static(b"1")) })
        .assets("static", |request| async move {
            assert!(!request.rest.contains(".."), "a file outside: {}", request.rest);
            response::text(http::StatusCode::OK, request.rest)
        })
        .build()
}

fn json(request: &Request) -> Response {
    match request.query() {
        Ok(query) => response::json(Bytes::from_static(b"{}"), query.value("jsonp")),
        Err(refusal) => refusal,
    }
}

fn decoded<M: tepui_proto::MesosMessage>(request: &Request) -> Response {
    let _ = request.header_named("Mesos-Stream-Id");
    let message = match call::decode::<M>(request) {
        Ok((_, message)) => message,
        Err(refusal) => return refusal,
    };
    match call::accept(request) {
        Ok(content_type) => response::ok(content_type.name(), tepui_wire::encode(content_type, &message)),
        Err(refusal) => refusal,
    }
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5050))
}
