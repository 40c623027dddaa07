//! `REMOVE_CONTAINER`, and `REMOVE_NESTED_CONTAINER` as it was called before.

use http::StatusCode;
use tepui_containerizer::RemoveError;
use tepui_http::{Response, response};
use tepui_proto::v1::agent::call::{RemoveContainer, RemoveNestedContainer};
use tepui_types::ContainerId;

use super::{container_id, expect, invalid, nested_id};
use crate::routes::Routes;

/// Removes what an ended container has left.
pub(crate) async fn remove(routes: &Routes, call: Option<RemoveContainer>) -> Response {
    let name = "remove_container";
    match expect(call, name).and_then(|call| container_id(&call.container_id, name)) {
        Ok(id) => forget(routes, &id).await,
        Err(wrong) => invalid(&wrong),
    }
}

/// Removes what an ended nested container has left.
pub(crate) async fn remove_nested(routes: &Routes, call: Option<RemoveNestedContainer>) -> Response {
    let name = "remove_nested_container";
    match expect(call, name).and_then(|call| nested_id(&call.container_id, name)) {
        Ok(id) => forget(routes, &id).await,
        Err(wrong) => invalid(&wrong),
    }
}

async fn forget(routes: &Routes, id: &ContainerId) -> Response {
    let failed = |text: String| response::text(StatusCode::INTERNAL_SERVER_ERROR, text);
    match routes.containerizer.remove(id).await {
        Ok(true) => response::empty(StatusCode::OK),
        // Compat: what is not there has been removed, but its outermost parent must be there.
        Ok(false) if routes.containerizer.is_running(id.root()) => response::empty(StatusCode::OK),
        Ok(false) => failed("Unknown root container".to_owned()),
        Err(RemoveError::Running(_)) => failed("Nested container has not terminated yet".to_owned()),
        Err(error) => failed(error.to_string()),
    }
}
