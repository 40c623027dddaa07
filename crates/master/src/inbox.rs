//! What the reactor is given to do.

use tepui_http::Response;
use tepui_master_core::Input;
use tepui_proto::v1;
use tepui_wire::ContentType;
use tokio::sync::{mpsc, oneshot};

/// How many inputs may wait for the core. A step takes microseconds, so this is milliseconds of work; peers that send
/// faster are slowed down by their own connections.
const CAPACITY: usize = 4096;

/// One thing for the reactor to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// Step the core with this.
    Input(Input),
    /// Step the core with a scheduler's call, and answer its request.
    Call(Box<CallWork>),
}

/// A scheduler's call and where its answer goes.
#[derive(Debug)]
pub(crate) struct CallWork {
    /// What was called.
    pub(crate) call: v1::scheduler::Call,
    /// The `Mesos-Stream-Id` header.
    pub(crate) stream_id: Option<String>,
    /// How an answer with a body may be encoded, if in any way that we know.
    pub(crate) accept: Option<ContentType>,
    /// The authenticated principal.
    pub(crate) principal: Option<String>,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Response>,
}

/// Makes the queue in front of the reactor.
pub(crate) fn inbox() -> (mpsc::Sender<Work>, mpsc::Receiver<Work>) {
    mpsc::channel(CAPACITY)
}
