//! `KILL_CONTAINER`, and `KILL_NESTED_CONTAINER` as it was called before.

use http::StatusCode;
use tepui_containerizer::Signal;
use tepui_http::{Response, response};
use tepui_proto::v1::agent::call::{KillContainer, KillNestedContainer};
use tepui_types::ContainerId;

use super::{container_id, expect, invalid, nested_id};
use crate::routes::Routes;

/// Signals a container.
pub(crate) async fn kill(routes: &Routes, call: Option<KillContainer>) -> Response {
    let name = "kill_container";
    let checked =
        expect(call, name).and_then(|call| Ok((container_id(&call.container_id, name)?, call.signal)));
    match checked {
        Ok((id, signal)) => send(routes, &id, signal).await,
        Err(wrong) => invalid(&wrong),
    }
}

/// Signals a nested container.
pub(crate) async fn kill_nested(routes: &Routes, call: Option<KillNestedContainer>) -> Response {
    let name = "kill_nested_container";
    let checked = expect(call, name).and_then(|call| Ok((nested_id(&call.container_id, name)?, call.signal)));
    match checked {
        Ok((id, signal)) => send(routes, &id, signal).await,
        Err(wrong) => invalid(&wrong),
    }
}

async fn send(routes: &Routes, id: &ContainerId, signal: Option<i32>) -> Response {
    let signal = signal.map_or(Signal::KILL, Signal::from_raw);
    match routes.containerizer.kill(id, signal) {
        Ok(true) => response::empty(StatusCode::OK),
        Ok(false) if routes.containerizer.is_running(id) => {
            // It is still being launched, and no process is there to hear the signal.
            routes.containerizer.destroy(id).await;
            response::empty(StatusCode::OK)
        }
        Ok(false) => {
            let text = format!("Container '{id}' cannot be found (or is already killed)");
            response::text(StatusCode::NOT_FOUND, text)
        }
        Err(error) => {
            let text = format!("Unable to send signal to container: {error}");
            response::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}
