//! A link behind an HTTP server, as daemons have it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tepui_http::{Limits, RequestBody, ResponseBody, response, serve};
use tepui_link::{Link, LinkConfig, LinkEvent, Upid, is_link_request};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long any wait may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Front {
    pub(crate) link: Link,
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    server: JoinSet<()>,
}

impl Front {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(configure: impl FnOnce(&mut LinkConfig)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = LinkConfig::new(listener.local_addr().unwrap());
        configure(&mut config);
        let (sender, events) = mpsc::channel(64);
        let link = Link::new(config, sender);
        let mut server = JoinSet::new();
        let receiver = link.clone();
        let service = move |request: http::Request<RequestBody>, peer| {
            let link = receiver.clone();
            async move {
                let (head, body) = request.into_parts();
                if is_link_request(&head) {
                    link.receive(http::Request::from_parts(head, body), peer).await.map(ResponseBody::from)
                } else {
                    response::ok("text/plain", Bytes::from_static(b"no message"))
                }
            }
        };
        server.spawn(serve(listener, Limits::default(), service, std::future::pending()));
        Self { link, events, server }
    }

    pub(crate) fn upid(&self, actor: &str) -> Upid {
        Upid::new(actor, self.link.advertised())
    }

    pub(crate) async fn event(&mut self) -> LinkEvent {
        within(self.events.recv()).await.expect("the link lives")
    }

    /// The next event, which must be a message: its name and body.
    pub(crate) async fn message(&mut self) -> (String, Bytes) {
        match self.event().await {
            LinkEvent::Received { name, body, .. } => (name, body),
            other @ (LinkEvent::Broken { .. } | LinkEvent::Behind { .. } | LinkEvent::CaughtUp { .. }) => {
                panic!("{other:?}")
            }
        }
    }

    /// Stops listening and closes all inbound connections.
    pub(crate) async fn stop_server(&mut self) {
        self.server.shutdown().await;
    }
}

/// Fails the test instead of hanging.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("it happens in time")
}
