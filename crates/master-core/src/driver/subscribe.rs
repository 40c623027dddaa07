//! SUBSCRIBE of a driver: its framework comes, for the first time or again.
//!
//! A driver repeats itself until it hears from us, so the same SUBSCRIBE may come many times. It sets `force` as long as
//! its scheduler, started with a framework's id, has not been let in; it stands for "I replace whoever there is". A
//! driver that lost us and comes back does not set it: if another was let in meanwhile, it is the one to go.

use tepui_proto::internal;
use tepui_proto::v1::scheduler::{call, event};
use tepui_types::{FrameworkId, Upid};

use super::send_error;
use crate::change::{Change, FrameworkNews};
use crate::framework::{Framework, Peer, Subscription};
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::turn::Turn;

/// What a driver is told whose framework has another one.
const FAILED_OVER: &str = "Framework failed over";

impl Master {
    /// Lets the driver's framework in, or says why not.
    pub(super) fn driver_subscribe(
        &mut self,
        from: &Upid,
        subscribe: call::Subscribe,
        force: bool,
        turn: &mut Turn<'_>,
    ) {
        let info = subscribe.framework_info;
        let id = info.id.as_ref().filter(|id| !id.value.is_empty()).map(FrameworkId::from);
        turn.count(match id {
            None => "master/messages_register_framework",
            Some(_) => "master/messages_reregister_framework",
        });
        let subscription = Subscription::new(info, subscribe.suppressed_roles, subscribe.offer_constraints);
        if let Err(message) = self.admit_driver(from, id, subscription, force, turn) {
            send_error(from, message, turn);
        }
    }

    fn admit_driver(
        &mut self,
        from: &Upid,
        id: Option<FrameworkId>,
        mut subscription: Subscription,
        force: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        self.validate_subscription(&subscription)?;
        self.read_constraints(&mut subscription)?;
        if self.agents.by_pid.contains_key(from) {
            // No agent is a driver. Who claims to be both would make us take the end of one for that of the other.
            return Ok(());
        }
        if let Some(owner) = self.frameworks.drivers.get(from)
            && id.as_ref() != Some(owner)
        {
            // A first SUBSCRIBE that is repeated. With another id it is an error, but that would be told to the driver
            // that we know at this address.
            if id.is_none() {
                self.repeat_registered(owner, from, turn);
            }
            return Ok(());
        }
        let known = id.as_ref().and_then(|id| self.frameworks.registered.get(id));
        let comes_back = !force && known.is_some_and(|framework| !framework.is_recovered());
        let is_new = id.is_none();
        let may_come = |framework: &Framework| {
            let expected = force || framework.is_recovered() || framework.pid() == Some(from);
            if expected { Ok(()) } else { Err(FAILED_OVER.to_owned()) }
        };
        let id = self.place_framework(id, subscription, may_come, turn)?;
        if comes_back {
            self.reconnect_driver(&id, from, turn);
        } else {
            self.connect_framework(&id, Peer::Driver(from.clone()), turn);
        }
        if is_new {
            turn.change(Change::FrameworkAnnounced { id, news: FrameworkNews::Added });
        } else {
            self.spread_framework(&id, turn);
        }
        Ok(())
    }

    /// Tells a driver once more that it is registered: it did not hear the first time, or its question was on the way.
    fn repeat_registered(&self, id: &FrameworkId, to: &Upid, turn: &mut Turn<'_>) {
        let message = internal::FrameworkRegisteredMessage {
            framework_id: id.to_proto(),
            master_info: self.info.clone(),
        };
        if let Some(framework) = self.frameworks.registered.get(id) {
            framework.count_event(event::Type::Subscribed, turn);
        }
        turn.send(to, message);
    }

    /// Lets a driver go on that we know.
    ///
    /// It may have lost its answers to offers while it had no master, so they are rescinded.
    fn reconnect_driver(&mut self, id: &FrameworkId, pid: &Upid, turn: &mut Turn<'_>) {
        self.set_peer(id, Peer::Driver(pid.clone()), turn);
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let offers: Vec<OfferNumber> = framework.offers.iter().copied().collect();
        for number in offers {
            self.rescind_offer(number, turn);
        }
        self.rescind_inverse_offers_of_framework(id, turn);
        self.activate_framework(id, turn);
        let message = internal::FrameworkReregisteredMessage {
            framework_id: id.to_proto(),
            master_info: self.info.clone(),
        };
        if let Some(framework) = self.frameworks.registered.get(id) {
            framework.count_event(event::Type::Subscribed, turn);
        }
        turn.send(pid, message);
    }
}
