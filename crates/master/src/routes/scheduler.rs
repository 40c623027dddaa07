//! `POST /api/v1/scheduler`: the scheduler API.
//!
//! Here a call is only decoded; all that follows, beginning with its validation, is the core's.

use tepui_http::response::MESOS_STREAM_ID;
use tepui_http::{Request, Response, call};
use tepui_proto::v1;
use tokio::sync::oneshot;

use crate::front::{Handles, stopping};
use crate::inbox::{CallWork, Work};

/// Hands a call to the core and waits for its answer.
pub(super) async fn scheduler(handles: Handles, request: Request) -> Response {
    let call = match call::decode::<v1::scheduler::Call>(&request) {
        Ok((_, call)) => call,
        Err(refusal) => return refusal,
    };
    let (answer, answered) = oneshot::channel();
    let work = CallWork {
        call,
        stream_id: request.header_or_empty(MESOS_STREAM_ID).map(str::to_owned),
        accept: call::accept(&request).ok(),
        principal: None,
        answer,
    };
    if handles.inbox.send(Work::Call(Box::new(work))).await.is_err() {
        return stopping();
    }
    answered.await.unwrap_or_else(|_| stopping())
}
