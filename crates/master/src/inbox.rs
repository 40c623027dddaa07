//! What the reactor is given to do.

use tepui_ha::Lease;
use tepui_http::Response;
use tepui_master_core::{Input, Registry};
use tepui_proto::v1;
use tepui_wire::ContentType;
use tokio::sync::{mpsc, oneshot};

use crate::registrar::{Registrar, Report};

/// How many inputs may wait for the core. A step takes microseconds, so this is milliseconds of work; peers that send
/// faster are slowed down by their own connections.
const CAPACITY: usize = 4096;

/// One thing for the reactor to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// Step the core with this.
    Input(Input),
    /// This master was elected and has read the registry: the core leads from here on.
    Lead(Box<Lead>),
    /// Step the core with a scheduler's call, and answer its request.
    Call(Box<CallWork>),
    /// Step the core with an operator's call, and answer its request.
    Operator(Box<OperatorWork>),
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

/// What makes a master leading.
#[derive(Debug)]
pub(crate) struct Lead {
    /// What the registry held.
    pub(crate) registry: Registry,
    /// Checked before every effect.
    pub(crate) lease: Lease,
    /// Where the core's writes go.
    pub(crate) registrar: Registrar,
    /// What it says of them.
    pub(crate) reports: mpsc::Receiver<Report>,
    /// Told when the core has recovered.
    pub(crate) done: oneshot::Sender<()>,
}

/// An operator's call that changes something, and where its answer goes.
#[derive(Debug)]
pub(crate) struct OperatorWork {
    /// What was called.
    pub(crate) call: v1::master::Call,
    /// The authenticated principal.
    pub(crate) principal: Option<String>,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Response>,
}

/// Makes the queue in front of the reactor.
pub(crate) fn inbox() -> (mpsc::Sender<Work>, mpsc::Receiver<Work>) {
    mpsc::channel(CAPACITY)
}
