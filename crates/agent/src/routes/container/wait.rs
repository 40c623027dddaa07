//! `WAIT_CONTAINER`, and `WAIT_NESTED_CONTAINER` as it was called before.

use tepui_containerizer::Termination;
use tepui_http::{Response, response};
use tepui_proto::v1;
use tepui_proto::v1::agent::call::{WaitContainer, WaitNestedContainer};
use tepui_proto::v1::agent::response as answer;
use tepui_types::ContainerId;
use tepui_wire::ContentType;

use super::{container_id, expect, invalid, nested_id};
use crate::routes::Routes;

/// Answers when the container has ended.
pub(crate) async fn wait(routes: &Routes, call: Option<WaitContainer>, accept: ContentType) -> Response {
    let name = "wait_container";
    let id = expect(call, name).and_then(|call| container_id(&call.container_id, name));
    answered(routes, id, accept, |ended| v1::agent::Response {
        r#type: Some(answer::Type::WaitContainer.into()),
        wait_container: Some(ended),
        ..v1::agent::Response::default()
    })
    .await
}

/// Answers when the nested container has ended.
pub(crate) async fn wait_nested(
    routes: &Routes,
    call: Option<WaitNestedContainer>,
    accept: ContentType,
) -> Response {
    let name = "wait_nested_container";
    let id = expect(call, name).and_then(|call| nested_id(&call.container_id, name));
    answered(routes, id, accept, |ended| {
        let answer::WaitContainer { exit_status, state, reason, limitation, message } = ended;
        let ended = answer::WaitNestedContainer { exit_status, state, reason, limitation, message };
        v1::agent::Response {
            r#type: Some(answer::Type::WaitNestedContainer.into()),
            wait_nested_container: Some(ended),
            ..v1::agent::Response::default()
        }
    })
    .await
}

/// Waits, and has the answer made of how the container ended.
async fn answered(
    routes: &Routes,
    id: Result<ContainerId, String>,
    accept: ContentType,
    make: impl FnOnce(answer::WaitContainer) -> v1::agent::Response,
) -> Response {
    let id = match id {
        Ok(id) => id,
        Err(wrong) => return invalid(&wrong),
    };
    match routes.containerizer.wait(&id).await {
        Some(termination) => {
            response::ok(accept.name(), tepui_wire::encode(accept, &make(said(termination))))
        }
        None => response::text(http::StatusCode::NOT_FOUND, format!("Container {id} cannot be found")),
    }
}

fn said(termination: Termination) -> answer::WaitContainer {
    let Termination { status, state, reason, message, limited_resources: resources } = termination;
    answer::WaitContainer {
        exit_status: status,
        state: state.map(Into::into),
        reason: reason.map(Into::into),
        limitation: (!resources.is_empty()).then_some(v1::TaskResourceLimitation { resources }),
        message,
    }
}
