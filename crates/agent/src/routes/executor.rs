//! `POST /api/v1/executor`.

use tepui_http::{Request, Response, call, response};
use tepui_proto::v1::executor::Call;
use tokio::sync::oneshot;

use super::Routes;
use crate::inbox::{ExecutorRequest, Work};

const STOPPING: &str = "Agent is stopping";

/// Hands a call to the core and waits for its answer.
pub(super) async fn call(routes: Routes, request: Request) -> Response {
    let (_, call) = match call::decode::<Call>(&request) {
        Ok(decoded) => decoded,
        Err(refusal) => return refusal,
    };
    let accepts = call::accept(&request).ok();
    let (answer, answered) = oneshot::channel();
    let work = Work::Executor(Box::new(ExecutorRequest { call, accepts, answer }));
    if routes.inbox.send(work).await.is_err() {
        return response::service_unavailable(STOPPING);
    }
    answered.await.unwrap_or_else(|_| response::service_unavailable(STOPPING))
}
