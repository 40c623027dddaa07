//! The one port of the daemon: messages of the link, and everything else.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tepui_http::{Response, ResponseBody, Router, Unhurried};
use tepui_link::{Link, ignores_answers, is_link_request};

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) link: Link,
    pub(crate) router: Router,
}

impl Front {
    /// Answers one request.
    pub(crate) async fn handle<B>(self, request: Request<B>, peer: SocketAddr) -> Response
    where
        B: Body<Data = Bytes> + Unpin + Send + 'static,
    {
        let (head, body) = request.into_parts();
        let is_message = is_link_request(&head);
        let ignores_answers = ignores_answers(&head);
        let request = Request::from_parts(head, body);
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
