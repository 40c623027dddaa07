//! The route table: one file for each API, one line for each endpoint.

mod index;
mod operator;
mod reads;
mod redirect;
mod scheduler;

use http::StatusCode;
use tepui_http::{Limits, Request, Response, Router, response};

use crate::front::Handles;

/// Makes the route table.
pub(crate) fn router(handles: &Handles, limits: &Limits) -> Router {
    Router::builder("master", limits)
        .route("/", |_| async { index::index() })
        .route("/api/v1/scheduler", with(handles, scheduler::scheduler))
        .route("/api/v1", with(handles, operator::operator))
        .route("/state", with(handles, reads::state))
        .route("/state-summary", with(handles, reads::state_summary))
        .route("/frameworks", with(handles, reads::frameworks))
        .route("/slaves", with(handles, reads::slaves))
        .route("/tasks", with(handles, reads::tasks))
        .route("/roles", with(handles, reads::roles))
        .route("/flags", with(handles, reads::flags))
        .route("/health", |_| async { response::empty(StatusCode::OK) })
        .route("/redirect", with(handles, redirect::redirect))
        .process_route("metrics", "/snapshot", with(handles, reads::metrics_snapshot))
        .process_route("version", "/", with(handles, reads::version))
        .build()
}

/// Gives a handler its own handles for each request.
fn with<F, R>(handles: &Handles, answer: F) -> impl Fn(Request) -> R + Send + Sync + 'static
where
    F: Fn(Handles, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let handles = handles.clone();
    move |request| answer(handles.clone(), request)
}
