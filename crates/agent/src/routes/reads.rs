//! What readers may ask for without changing anything.

use http::StatusCode;
use tepui_http::{Request, Response, response};

use super::Routes;
use crate::view::View;

/// `/state`.
pub(super) async fn state(routes: Routes, request: Request) -> Response {
    if let Some(refusal) = routes.refusal_while_recovering() {
        return refusal;
    }
    let body = routes.view().state();
    json(&request, body)
}

/// `/flags`.
pub(super) async fn flags(routes: Routes, request: Request) -> Response {
    let body = routes.view().flags();
    json(&request, body)
}

/// `/metrics/snapshot`.
pub(super) async fn metrics_snapshot(routes: Routes, request: Request) -> Response {
    let body = routes.view().metrics_snapshot();
    json(&request, body)
}

/// `/version`.
pub(super) async fn version(_: Routes, request: Request) -> Response {
    json(&request, View::version())
}

/// `/health`: an answer is all that is asked for.
pub(super) async fn health(_: Routes, _: Request) -> Response {
    response::empty(StatusCode::OK)
}

/// 200 with JSON, or JSONP if asked for.
pub(super) fn json(request: &Request, body: Vec<u8>) -> Response {
    match request.query() {
        Ok(query) => response::json(body.into(), query.value("jsonp")),
        Err(refusal) => refusal,
    }
}
