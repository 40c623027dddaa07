//! What waits for the reactor.

use tepui_agent_core::Input;
use tepui_http::Response;
use tepui_proto::v1::executor::Call;
use tepui_wire::ContentType;
use tokio::sync::{mpsc, oneshot};

/// How much may wait: when the queue is full, executors and masters wait with it.
const CAPACITY: usize = 1024;

/// One thing for the reactor to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// Something happened.
    Input(Input),
    /// An executor called.
    Executor(Box<ExecutorRequest>),
}

/// A call of the executor API that waits for its answer.
#[derive(Debug)]
pub(crate) struct ExecutorRequest {
    pub(crate) call: Call,
    /// How events may be written; none if the caller accepts neither encoding.
    pub(crate) accepts: Option<ContentType>,
    pub(crate) answer: oneshot::Sender<Response>,
}

/// Makes the reactor's queue.
pub(crate) fn inbox() -> (mpsc::Sender<Work>, mpsc::Receiver<Work>) {
    mpsc::channel(CAPACITY)
}
