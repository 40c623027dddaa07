//! Letting calls through, as often as their principal may call.

use prost::Message;
use tepui_proto::v1::scheduler::Call;
use tepui_proto::v1::scheduler::call::Type;
use tepui_proto::{LinkMessage, internal};
use tepui_types::{FrameworkId, Upid};

use super::Limited;
use super::limiter::{Admission, Limiter};
use crate::change::{Change, Counter};
use crate::effect::{Rejection, RejectionKind, Response};
use crate::framework::Framework;
use crate::input::SchedulerCall;
use crate::master::Master;
use crate::timers::Timer;
use crate::turn::Turn;

/// What waits for its turn.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A call on the scheduler API.
    Call(Box<SchedulerCall>),
    /// A message of a driver.
    Driver {
        /// The driver.
        from: Upid,
        /// Our actor.
        to: String,
        /// What it says.
        message: LinkMessage,
    },
    /// The link to a driver broke after it had sent what waits.
    DriverGone(Upid),
}

impl Master {
    /// Handles a call, now or when its framework may call again.
    pub(crate) fn admit_call(&mut self, call: Box<SchedulerCall>, turn: &mut Turn<'_>) {
        let framework = self.calling_framework(&call.call).filter(|_| self.recovered);
        self.rate_limit(framework, Waiting::Call(call), turn);
    }

    /// Handles a message, now or, if it is a driver's, when its framework may call again.
    pub(crate) fn admit_message(
        &mut self,
        from: Upid,
        to: String,
        message: LinkMessage,
        turn: &mut Turn<'_>,
    ) {
        let framework = self.frameworks.drivers.get(&from).cloned();
        self.rate_limit(framework, Waiting::Driver { from, to, message }, turn);
    }

    /// Handles the break of a link, after all that a driver had said before.
    pub(crate) fn admit_break(&mut self, peer: Upid, turn: &mut Turn<'_>) {
        let limited = self.frameworks.drivers.get(&peer).and_then(|id| self.limit_of(id));
        let queue = limited.and_then(|(limited, _)| self.limiters.queues.get_mut(&limited));
        match queue.filter(|queue| queue.next_due().is_some()) {
            Some(queue) => queue.append(Waiting::DriverGone(peer)),
            None => self.link_broken(&peer, turn),
        }
    }

    /// The next that waits may pass.
    pub(crate) fn rate_limit_due(&mut self, limited: &Limited, turn: &mut Turn<'_>) {
        let Some(queue) = self.limiters.queues.get_mut(limited) else { return };
        let passing = queue.pass(turn.now.time);
        if let Some(next) = queue.next_due() {
            self.timers.set(Timer::RateLimit(limited.clone()), next);
        }
        if let Some(passing) = passing {
            self.handle_admitted(passing, turn);
        }
    }

    fn rate_limit(&mut self, framework: Option<FrameworkId>, item: Waiting, turn: &mut Turn<'_>) {
        let Some(id) = framework else { return self.handle_admitted(item, turn) };
        self.count_if_accounted(&id, Counter::MessageReceived, turn);
        let Some((limited, limit)) = self.limit_of(&id) else { return self.handle_admitted(item, turn) };
        let queue = self.limiters.queues.entry(limited.clone()).or_insert_with(|| Limiter::new(limit));
        match queue.admit(turn.now.time, item, Waiting::size) {
            Admission::Passes(item) => self.handle_admitted(item, turn),
            Admission::Waits => {
                if let Some(next) = queue.next_due() {
                    self.timers.set(Timer::RateLimit(limited), next);
                }
            }
            Admission::Refused(item, capacity) => refuse(item, capacity, turn),
        }
    }

    /// The registered framework for which a call speaks.
    fn calling_framework(&self, call: &Call) -> Option<FrameworkId> {
        self.frameworks.find(call.framework_id.as_ref()?)
    }

    fn limit_of(&self, id: &FrameworkId) -> Option<(Limited, super::Limit)> {
        let framework = self.frameworks.registered.get(id)?;
        self.limiters.of(framework.info.principal.as_deref())
    }

    fn handle_admitted(&mut self, item: Waiting, turn: &mut Turn<'_>) {
        let framework = match &item {
            // One that subscribes may be known only afterwards.
            Waiting::Call(call) => call.call.framework_id.as_ref().map(|id| self.frameworks.id(id)),
            Waiting::Driver { from, .. } => self.frameworks.drivers.get(from).cloned(),
            Waiting::DriverGone(_) => None,
        };
        match item {
            Waiting::Call(call) => self.scheduler_call(call, turn),
            Waiting::Driver { from, to, message } => self.link_message(from, &to, message, turn),
            Waiting::DriverGone(peer) => self.link_broken(&peer, turn),
        }
        if let Some(id) = framework {
            self.count_if_accounted(&id, Counter::MessageProcessed, turn);
        }
    }

    /// Counts a message for its framework's principal. Compat: those of frameworks without one are not counted.
    fn count_if_accounted(
        &self,
        id: &FrameworkId,
        counter: impl FnOnce(FrameworkId) -> Counter,
        turn: &mut Turn<'_>,
    ) {
        let has_principal = |framework: &Framework| framework.info.principal.is_some();
        if self.recovered && self.frameworks.registered.get(id).is_some_and(has_principal) {
            turn.change(Change::Counted(counter(id.clone())));
        }
    }
}

impl Waiting {
    fn size(&self) -> usize {
        match self {
            Self::Call(call) => call.call.encoded_len(),
            Self::Driver { message, .. } => message.encode().len(),
            Self::DriverGone(_) => 0,
        }
    }
}

/// Says that there is no room for more.
fn refuse(item: Waiting, capacity: u64, turn: &mut Turn<'_>) {
    match item {
        Waiting::Call(call) => {
            let name = Type::try_from(call.call.r#type.unwrap_or_default()).unwrap_or_default().as_str_name();
            let message = format!("Call {name} dropped: capacity({capacity}) exceeded");
            let rejection = Rejection { kind: RejectionKind::Unavailable, message };
            turn.respond(call.request, Response::Rejected(rejection));
        }
        Waiting::Driver { from, message, .. } => {
            let message = format!("Message {} dropped: capacity({capacity}) exceeded", message.name());
            turn.send(&from, internal::FrameworkErrorMessage { message });
        }
        Waiting::DriverGone(_) => {}
    }
}
