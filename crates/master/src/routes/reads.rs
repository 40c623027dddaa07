//! The older endpoints, which the view answers.

use tepui_http::{Query, Request, Response, response};
use tepui_master_view::TasksQuery;
use tepui_types::parse_duration;

use crate::front::Handles;
use crate::reader::Read;

pub(super) async fn state(handles: Handles, request: Request) -> Response {
    handles.json(&request, Read::State).await
}

pub(super) async fn state_summary(handles: Handles, request: Request) -> Response {
    handles.json(&request, Read::StateSummary).await
}

pub(super) async fn frameworks(handles: Handles, request: Request) -> Response {
    let only = parameter(&request, "framework_id");
    handles.json(&request, Read::Frameworks(only)).await
}

pub(super) async fn slaves(handles: Handles, request: Request) -> Response {
    let only = parameter(&request, "slave_id");
    handles.json(&request, Read::Slaves(only)).await
}

pub(super) async fn tasks(handles: Handles, request: Request) -> Response {
    let query = request.query().map(|query| tasks_query(&query)).unwrap_or_default();
    handles.json(&request, Read::Tasks(query)).await
}

pub(super) async fn roles(handles: Handles, request: Request) -> Response {
    handles.json(&request, Read::Roles).await
}

pub(super) async fn flags(handles: Handles, request: Request) -> Response {
    handles.json(&request, Read::Flags).await
}

pub(super) async fn version(handles: Handles, request: Request) -> Response {
    handles.json(&request, Read::Version).await
}

/// Metrics are gathered at once, so the `timeout` that clients may give has only to be a duration.
pub(super) async fn metrics_snapshot(handles: Handles, request: Request) -> Response {
    if let Some(timeout) = parameter(&request, "timeout")
        && let Err(error) = parse_duration(&timeout)
    {
        return response::bad_request(&format!("Invalid timeout '{timeout}': {error}."));
    }
    handles.json(&request, Read::MetricsSnapshot).await
}

/// A parameter of the query string. A malformed one is refused when the answer is made.
fn parameter(request: &Request, name: &str) -> Option<String> {
    request.query().ok()?.value(name).map(str::to_owned)
}

/// Compat: numbers that are none are taken for absent.
fn tasks_query(query: &Query) -> TasksQuery {
    let default = TasksQuery::default();
    let number = |name| query.value(name).and_then(|value| value.parse().ok());
    TasksQuery {
        limit: number("limit").unwrap_or(default.limit),
        offset: number("offset").unwrap_or(default.offset),
        ascending: query.value("order") == Some("asc"),
        framework_id: query.value("framework_id").map(str::to_owned),
        task_id: query.value("task_id").map(str::to_owned),
    }
}
