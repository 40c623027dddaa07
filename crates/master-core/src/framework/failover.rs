//! Giving a framework a new connection, in the place of an old one or none.

use std::time::Duration;

use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::{FrameworkId, Time};

use super::event::{HEARTBEAT_SECONDS, error, of};
use super::{Connection, Framework, Peer};
use crate::effect::Effect;
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// Makes `peer` the framework's connection, tells it SUBSCRIBED and starts the heartbeats.
    ///
    /// Who was connected before is told that it failed over. Its offers are discarded and not rescinded: the newcomer
    /// never saw them.
    pub(crate) fn connect_framework(&mut self, id: &FrameworkId, peer: Peer, turn: &mut Turn<'_>) {
        self.set_peer(id, peer, turn);
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let offers: Vec<OfferNumber> = framework.offers.iter().copied().collect();
        for number in offers {
            self.discard_offer(number, None, turn);
        }
        self.discard_inverse_offers_of_framework(id, turn);
        self.activate_framework(id, turn);
        let subscribed = Some(event::Subscribed {
            framework_id: id.to_proto(),
            #[expect(clippy::cast_precision_loss, reason = "a small constant")]
            heartbeat_interval_seconds: Some(HEARTBEAT_SECONDS as f64),
            master_info: Some(self.info.clone()),
        });
        if let Some(framework) = self.frameworks.registered.get(id) {
            framework.send(turn, Event { subscribed, ..of(event::Type::Subscribed) });
        }
        self.heartbeat(id, turn);
    }

    /// Puts `peer` in the place of whoever was there, and keeps the link to a driver.
    pub(crate) fn set_peer(&mut self, id: &FrameworkId, peer: Peer, turn: &mut Turn<'_>) {
        let before = self.frameworks.registered.get(id).and_then(Framework::peer);
        // A driver that comes again from its address has not been replaced.
        if before != Some(&peer) {
            self.end_peer(id, Some("Framework failed over"), turn);
            self.forget_backlog(id);
        }
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        match &peer {
            Peer::Http { stream, .. } => {
                self.frameworks.streams.insert(*stream, id.clone());
            }
            Peer::Driver(pid) => {
                self.frameworks.drivers.insert(pid.clone(), id.clone());
                turn.push(Effect::OpenLink(pid.clone()));
            }
        }
        framework.reregistered = turn.now.wall;
        if framework.is_recovered() {
            framework.registered = turn.now.wall;
        }
        framework.connection = Connection::Connected(peer);
    }

    /// Makes offers to a framework that has just been connected.
    pub(crate) fn activate_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        framework.active = true;
        self.timers.cancel(&Timer::Failover(id.clone()));
        self.allocator.activate_framework(id);
        self.publish_framework(id, turn);
    }

    /// Sends a heartbeat on the framework's stream and plans the next. Drivers get none.
    pub(crate) fn heartbeat(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let Some(Peer::Http { .. }) = framework.peer() else {
            return self.timers.cancel(&Timer::Heartbeat(id.clone()));
        };
        framework.send(turn, of(event::Type::Heartbeat));
        let next: Time = turn.now.time + Duration::from_secs(HEARTBEAT_SECONDS);
        self.timers.set(Timer::Heartbeat(id.clone()), next);
    }

    /// Parts with a framework's peer, after an error if one is given and the peer is connected.
    pub(crate) fn end_peer(&mut self, id: &FrameworkId, message: Option<&str>, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        if let Some(message) = message {
            framework.send(turn, error(message.to_owned()));
        }
        match &framework.connection {
            Connection::Connected(Peer::Http { stream, .. }) => {
                turn.push(Effect::CloseStream(*stream));
                self.frameworks.streams.remove(stream);
            }
            Connection::Connected(Peer::Driver(pid)) => {
                turn.push(Effect::CloseLink(pid.clone()));
                self.frameworks.drivers.remove(pid);
            }
            Connection::Disconnected(Some(pid)) => {
                self.frameworks.drivers.remove(pid);
            }
            Connection::Recovered | Connection::Disconnected(None) => {}
        }
    }
}
