//! The front: which request goes where.

use std::net::SocketAddr;

use http_body::Body;
use tepui_http::{Limits, Request, Response, ResponseBody, Router, Unhurried, response};
use tepui_link::{Link, ignores_answers, is_link_request};
use tokio::sync::mpsc;

use crate::answer::Answer;
use crate::inbox::Work;
use crate::leading::Leading;
use crate::reader::{Read, Reads};
use crate::routes;

/// What handlers need; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Handles {
    /// The queue of the reactor.
    pub(crate) inbox: mpsc::Sender<Work>,
    /// The queue of the view.
    pub(crate) reads: Reads,
    /// Who leads.
    pub(crate) leading: Leading,
}

/// Serves messages of the link and requests of clients.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    link: Link,
    router: Router,
}

impl Front {
    pub(crate) fn new(handles: &Handles, link: Link, limits: &Limits) -> Self {
        Self { link, router: routes::router(handles, limits) }
    }

    /// Answers a request.
    pub(crate) async fn serve<B>(self, request: http::Request<B>, peer: SocketAddr) -> Response
    where
        B: Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    {
        let (head, body) = request.into_parts();
        let is_message = is_link_request(&head);
        let ignores_answers = ignores_answers(&head);
        let request = http::Request::from_parts(head, body);
        if is_message {
            let mut response = self.link.receive(request, peer).await.map(ResponseBody::from);
            if ignores_answers {
                response.extensions_mut().insert(Unhurried);
            }
            response
        } else {
            self.router.handle(request, peer).await
        }
    }
}

impl Handles {
    /// Answers with the JSON of a read, or its JSONP.
    pub(crate) async fn json(&self, request: &Request, read: Read) -> Response {
        let query = match request.query() {
            Ok(query) => query,
            Err(refusal) => return refusal,
        };
        match self.reads.read(read).await {
            Some(Answer::Whole(bytes)) => response::json(bytes, query.value("jsonp")),
            Some(Answer::Parts(parts)) => response::json_parts(parts, query.value("jsonp")),
            None => stopping(),
        }
    }
}

/// The answer when reactor or reader have ended.
pub(crate) fn stopping() -> Response {
    response::service_unavailable("The master is stopping")
}
