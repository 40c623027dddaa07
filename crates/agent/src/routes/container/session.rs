//! `LAUNCH_NESTED_CONTAINER_SESSION`: a container that looks into another one, and whose output is the answer.
//!
//! The container shares its parent's environment and folder; executors check their tasks with it, people look around, with
//! `ATTACH_CONTAINER_INPUT` beside it. It is destroyed when its client goes away.

use std::time::Duration;

use tepui_containerizer::{ContainerClass, NestedLaunch};
use tepui_http::{Request, Response};
use tepui_proto::v1::agent::call::LaunchNestedContainerSession;
use tracing::debug;

use super::attach_output::{Media, refuse};
use super::launch::{nested, started};
use super::{expect, invalid, nested_id};
use crate::routes::Routes;

/// How long a container that has closed its output may take to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs a container within another, and answers with what it says until it ends.
pub(crate) async fn session(
    routes: &Routes,
    request: &Request,
    call: Option<LaunchNestedContainerSession>,
) -> Response {
    let media = match Media::negotiate(request) {
        Ok(media) => media,
        Err(refusal) => return *refusal,
    };
    let name = "launch_nested_container_session";
    let checked = expect(call, name).and_then(|call| Ok((nested_id(&call.container_id, name)?, call)));
    let (id, call) = match checked {
        Ok(checked) => checked,
        Err(wrong) => return invalid(&wrong),
    };
    let launch = NestedLaunch {
        class: ContainerClass::Debug,
        ..nested(routes, id.clone(), call.command, call.container)
    };
    if let Err(refusal) = started(routes, launch).await {
        return *refusal;
    }
    let containerizer = routes.containerizer.clone();
    let output = match containerizer.attach_output(&id).await {
        Ok(output) => output,
        Err(error) => {
            containerizer.destroy(&id).await;
            return refuse(&error);
        }
    };
    let (sender, response) = media.answer();
    let stream = media.stream(sender, routes.settings.heartbeat_interval);
    tokio::spawn(async move {
        if !stream.run(output).await {
            debug!(container = %id, "the client of a session is gone");
        } else if tokio::time::timeout(LAST_WORDS, containerizer.wait(&id)).await.is_ok() {
            return;
        }
        containerizer.destroy(&id).await;
    });
    response
}
