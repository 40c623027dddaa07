//! `WAIT_CONTAINER`, and `WAIT_NESTED_CONTAINER` as it was called before.

use tepui_containerizer::Termination;
use tepui_http::{Response, response};
use tepui_proto::v1;
use tepui_proto::v1::agent::call::{WaitContainer, WaitNestedContainer};
use tepui_proto::v1::agent::response as answer;
use tepui_wire::ContentType;

use super::{container_id, expect, invalid, nested_id};
use crate::routes::Routes;

/// Answers when the container has ended.
pub(crate) async fn wait(routes: &Routes, call: Option<WaitContainer>, accept: ContentType) -> Response {
    let name = "wait_container";
    let id = match expect(call, name).and_then(|call| container_id(&call.container_id, name)) {
        Ok(id) => id,
        Err(wrong) => return invalid(&wrong),
    };
    let Some(termination) = routes.containerizer.wait(&id).await else { return not_found(&id) };
    let (state, reason, limitation) = said(&termination);
    let wait_container = answer::WaitContainer {
        exit_status: termination.status,
        state,
        reason,
        limitation,
        message: termination.message,
    };
    let answer = v1::agent::Response {
        r#type: Some(answer::Type::WaitContainer.into()),
        wait_container: Some(wait_container),
        ..v1::agent::Response::default()
    };
    response::ok(accept.name(), tepui_wire::encode(accept, &answer))
}

/// Answers when the nested container has ended.
pub(crate) async fn wait_nested(
    routes: &Routes,
    call: Option<WaitNestedContainer>,
    accept: ContentType,
) -> Response {
    let name = "wait_nested_container";
    let id = match expect(call, name).and_then(|call| nested_id(&call.container_id, name)) {
        Ok(id) => id,
        Err(wrong) => return invalid(&wrong),
    };
    let Some(termination) = routes.containerizer.wait(&id).await else { return not_found(&id) };
    let (state, reason, limitation) = said(&termination);
    let wait_nested_container = answer::WaitNestedContainer {
        exit_status: termination.status,
        state,
        reason,
        limitation,
        message: termination.message,
    };
    let answer = v1::agent::Response {
        r#type: Some(answer::Type::WaitNestedContainer.into()),
        wait_nested_container: Some(wait_nested_container),
        ..v1::agent::Response::default()
    };
    response::ok(accept.name(), tepui_wire::encode(accept, &answer))
}

fn not_found(id: &tepui_types::ContainerId) -> Response {
    response::text(http::StatusCode::NOT_FOUND, format!("Container {id} cannot be found"))
}

/// What both forms of the answer say alike.
fn said(termination: &Termination) -> (Option<i32>, Option<i32>, Option<v1::TaskResourceLimitation>) {
    let resources = termination.limited_resources.clone();
    let limitation = (!resources.is_empty()).then_some(v1::TaskResourceLimitation { resources });
    (termination.state.map(Into::into), termination.reason.map(Into::into), limitation)
}
