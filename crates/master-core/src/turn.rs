//! What a handler works with besides the state: the time, and the list of what is to be done.

use std::borrow::Cow;

use tepui_proto::LinkMessage;
use tepui_types::{Now, Upid};

use crate::change::{Change, Counter};
use crate::effect::{Effect, Effects, Response};
use crate::input::RequestId;

/// The name of the master's own actor on the link.
pub(crate) const MASTER_ACTOR: &str = "master";

/// The time of a step and its effects.
pub(crate) struct Turn<'a> {
    /// When the step happens.
    pub(crate) now: Now,
    effects: &'a mut Effects,
}

impl<'a> Turn<'a> {
    /// Starts a step.
    pub(crate) fn new(now: Now, effects: &'a mut Effects) -> Self {
        Self { now, effects }
    }

    /// Adds an effect.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Adds an entry to the journal.
    pub(crate) fn change(&mut self, change: Change) {
        self.effects.change(change);
    }

    /// Raises the metric of this full name.
    pub(crate) fn count(&mut self, metric: &'static str) {
        self.change(Change::Counted(Counter::Named(metric)));
    }

    /// Answers an HTTP request.
    pub(crate) fn respond(&mut self, request: RequestId, response: Response) {
        self.push(Effect::Respond { request, response });
    }

    /// Sends a message as the master.
    pub(crate) fn send(&mut self, to: &Upid, message: impl Into<LinkMessage>) {
        self.send_as(MASTER_ACTOR, to, message);
    }

    /// Sends a message as one of the master's actors.
    pub(crate) fn send_as(
        &mut self,
        from: impl Into<Cow<'static, str>>,
        to: &Upid,
        message: impl Into<LinkMessage>,
    ) {
        self.push(Effect::SendLink { from: from.into(), to: to.clone(), message: message.into() });
    }
}
