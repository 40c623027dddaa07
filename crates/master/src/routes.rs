//! The route table: one file for each API, one line for each endpoint.

mod index;
mod operator;
mod reads;
mod redirect;
mod scheduler;
mod teardown;

use std::pin::Pin;

use http::StatusCode;
use tepui_http::{Limits, Request, Response, Router, response};

use crate::front::Handles;
use crate::leading::Leading;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Makes the route table.
pub(crate) fn router(handles: &Handles, limits: &Limits) -> Router {
    Router::builder("master", limits)
        .route("/", |_| async { index::index() })
        .route("/api/v1/scheduler", of_recovered(handles, scheduler::scheduler))
        .route("/api/v1", of_recovered(handles, operator::operator))
        .route("/teardown", of_recovered(handles, teardown::teardown))
        .route("/state", of_leader(handles, reads::state))
        .route("/state-summary", of_leader(handles, reads::state_summary))
        .route("/frameworks", of_leader(handles, reads::frameworks))
        .route("/slaves", of_leader(handles, reads::slaves))
        .route("/tasks", of_leader(handles, reads::tasks))
        .route("/roles", of_leader(handles, reads::roles))
        .route("/flags", with(handles, reads::flags))
        .route("/health", |_| async { response::empty(StatusCode::OK) })
        .route("/redirect", with(handles, redirect::redirect))
        .process_route("metrics", "/snapshot", with(handles, reads::metrics_snapshot))
        .process_route("version", "/", with(handles, reads::version))
        .build()
}

/// As [`with`], for endpoints that only the leader serves. Whatever the request is, a client of another master is sent to
/// the leader before it is looked at.
fn of_leader<F, R>(handles: &Handles, answer: F) -> impl Fn(Request) -> Answer + Send + Sync + 'static
where
    F: Fn(Handles, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    guarded(handles, Leading::elsewhere, answer)
}

/// As [`of_leader`], for endpoints that are not served before the registry was read.
fn of_recovered<F, R>(handles: &Handles, answer: F) -> impl Fn(Request) -> Answer + Send + Sync + 'static
where
    F: Fn(Handles, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    guarded(handles, Leading::not_yet, answer)
}

fn guarded<F, R>(
    handles: &Handles,
    refusal: impl Fn(&Leading, &Request) -> Option<Response> + Send + Sync + 'static,
    answer: F,
) -> impl Fn(Request) -> Answer + Send + Sync + 'static
where
    F: Fn(Handles, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let handles = handles.clone();
    move |request| match refusal(&handles.leading, &request) {
        Some(refusal) => Box::pin(std::future::ready(refusal)),
        None => Box::pin(answer(handles.clone(), request)),
    }
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
