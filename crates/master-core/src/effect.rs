//! Everything that a master does to the world.

use std::borrow::Cow;
use std::sync::Arc;

use tepui_proto::{LinkMessage, v1};
use tepui_types::Upid;

use crate::change::Change;
use crate::input::{Reader, RequestId, StoreId, StreamId};
use crate::registry::RegistryWrite;

/// What one step wants done, in order; and the journal of what it changed.
///
/// The shell publishes `changes` to the view before it carries out `effects`, so whoever is answered sees their change.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be carried out in this order.
    pub effects: Vec<Effect>,
    /// What changed, for the view.
    pub changes: Vec<Change>,
}

impl Effects {
    /// Adds an effect.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Adds an entry to the journal.
    pub fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Forgets all, keeping the capacity.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.changes.clear();
    }
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a waiting HTTP request.
    Respond {
        /// Which.
        request: RequestId,
        /// With what.
        response: Response,
    },
    /// Write an event to a stream that was opened by `Response::Subscribed`.
    SendEvent {
        /// Which.
        stream: StreamId,
        /// What; shared, so that it may be encoded once for many.
        event: Arc<v1::scheduler::Event>,
    },
    /// End a stream: the terminal chunk, after what was sent before.
    CloseStream(StreamId),
    /// Drop the connection of a reader that is hopelessly behind, with all that waits for it. Its end is then reported
    /// like any other.
    CutOff(Reader),
    /// Send a message over the link.
    SendLink {
        /// The actor of ours that speaks, `master` or `slave-observer(N)`.
        from: Cow<'static, str>,
        /// To whom.
        to: Upid,
        /// What.
        message: LinkMessage,
    },
    /// Keep a connection to this peer and report its break as `Input::LinkBroken`.
    OpenLink(Upid),
    /// Stop watching this peer.
    CloseLink(Upid),
    /// Stop leading, at once and for this reason: an operator must look before anything is given up.
    Abdicate {
        /// Why.
        reason: String,
    },
    /// Make these writes durable together, then say `Input::Stored(id)`. Later batches wait for earlier ones.
    Store {
        /// The batch.
        id: StoreId,
        /// Its writes.
        writes: Vec<RegistryWrite>,
    },
}

/// The answer to a scheduler's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 202, no body.
    Accepted,
    /// 200 and a stream of events.
    Subscribed {
        /// The stream that events will be sent to.
        stream: StreamId,
        /// The value of `Mesos-Stream-Id`.
        stream_id: String,
    },
    /// 200, no body (`UPDATE_FRAMEWORK`).
    Ok,
    /// A refusal.
    Rejected(Rejection),
}

/// Why a call was refused; the shell maps `kind` to a status code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The family of refusal.
    pub kind: RejectionKind,
    /// The text of the body, in the API's own words.
    pub message: String,
}

/// The families of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// 400.
    BadRequest,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 406.
    NotAcceptable,
    /// 409.
    Conflict,
    /// 501.
    NotImplemented,
    /// 503.
    Unavailable,
}
