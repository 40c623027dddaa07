//! SUBSCRIBE: a framework comes, for the first time or again.
//!
//! What is wrong with the framework itself is said on the stream, by an ERROR event before it is closed; only what is
//! wrong with the call gets a status code.

use std::sync::Arc;

use tepui_proto::v1::scheduler::call::Type;
use tepui_types::{FrameworkId, Uuid};

use crate::change::{Change, Counter, FrameworkNews};
use crate::effect::{Effect, Response};
use crate::framework::event::error;
use crate::framework::{Framework, Peer, Subscription};
use crate::input::{SchedulerCall, StreamId};
use crate::master::Master;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Opens a stream for the framework, or refuses it there.
    pub(crate) fn subscribe(&mut self, request: SchedulerCall, turn: &mut Turn<'_>) {
        let subscribe = request.call.subscribe.unwrap_or_default();
        let mut info = subscribe.framework_info;
        if info.principal.is_none() {
            info.principal = request.principal;
        }
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        let stream_id = Uuid::random(&mut self.random);
        let response = Response::Subscribed { stream, stream_id: stream_id.to_string() };
        turn.respond(request.request, response);
        let id = info.id.as_ref().filter(|id| !id.value.is_empty()).map(FrameworkId::from);
        turn.count(match id {
            None => "master/messages_register_framework",
            Some(_) => "master/messages_reregister_framework",
        });
        let is_new = id.is_none();
        let mut subscription =
            Subscription::new(info, subscribe.suppressed_roles, subscribe.offer_constraints);
        let accepted = self
            .validate_subscription(&subscription)
            .and_then(|()| self.read_constraints(&mut subscription))
            .and_then(|()| self.place_framework(id, subscription, |_| Ok(()), turn));
        match accepted {
            Ok(id) => {
                turn.change(Change::Counted(Counter::Call(id.clone(), Type::Subscribe)));
                self.connect_framework(&id, Peer::Http { stream, stream_id }, turn);
                if is_new {
                    turn.change(Change::FrameworkAnnounced { id, news: FrameworkNews::Added });
                } else {
                    self.spread_framework(&id, turn);
                }
            }
            Err(message) => {
                turn.push(Effect::SendEvent { stream, event: Arc::new(error(message)) });
                turn.push(Effect::CloseStream(stream));
            }
        }
    }

    /// Checks a subscription by itself and against the master's settings, but for its constraints.
    pub(crate) fn validate_subscription(&self, subscription: &Subscription) -> Result<(), String> {
        let Subscription { info, suppressed, .. } = subscription;
        validation::framework::validate(info)?;
        validation::framework::validate_settings(info, suppressed, &self.config)?;
        if let Some(id) = &info.id
            && self.frameworks.completed.contains(&FrameworkId::from(id))
        {
            return Err("Framework has been removed".to_owned());
        }
        validation::framework::validate_failover_timeout(info)
    }

    /// Reads the constraints of a subscription.
    pub(crate) fn read_constraints(&self, subscription: &mut Subscription) -> Result<(), String> {
        let constraints = subscription.offer_constraints.as_ref();
        subscription.constraints =
            validation::offer_constraints::read(constraints, self.config.allocator.offer_constraints_re2)?;
        Ok(())
    }

    /// Adds the framework, or describes the known one anew.
    ///
    /// An id that this master does not know is accepted: an earlier master may have given it. `may_come` judges whether
    /// the newcomer is let in as a known framework.
    pub(crate) fn place_framework(
        &mut self,
        id: Option<FrameworkId>,
        mut subscription: Subscription,
        may_come: impl FnOnce(&Framework) -> Result<(), String>,
        turn: &mut Turn<'_>,
    ) -> Result<FrameworkId, String> {
        let Some(id) = id else {
            let id = self.new_framework_id();
            self.add_framework(&id, subscription, turn);
            return Ok(id);
        };
        match self.frameworks.registered.get(&id) {
            None => {
                self.add_framework(&id, subscription, turn);
                // Until it is connected it is one that an earlier master knew.
                turn.change(Change::FrameworkAnnounced { id: id.clone(), news: FrameworkNews::Added });
            }
            Some(known) => {
                validation::framework::preserve_immutable(&known.info, &mut subscription.info);
                validation::framework::validate_update(&known.info, &subscription.info)?;
                may_come(known)?;
                self.update_framework_description(&id, subscription, turn);
            }
        }
        Ok(id)
    }
}
