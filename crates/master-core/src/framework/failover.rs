//! Giving a framework a new connection, in the place of an old one or none.

use std::time::Duration;

use tepui_proto::v1::scheduler::{Event, event};
use tepui_types::{FrameworkId, Time};

use super::event::{HEARTBEAT_SECONDS, error, of};
use super::{Connection, Peer};
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
        self.end_stream(id, Some("Framework failed over"), turn);
        let master_info = self.info.clone();
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        let was_recovered = framework.is_recovered();
        match &peer {
            Peer::Http { stream, .. } => self.frameworks.streams.insert(*stream, id.clone()),
        };
        framework.connection = Connection::Connected(peer);
        framework.reregistered = turn.now.wall;
        if was_recovered {
            framework.registered = turn.now.wall;
        }
        let offers: Vec<OfferNumber> = framework.offers.iter().copied().collect();
        for number in offers {
            self.discard_offer(number, None, turn);
        }
        self.timers.cancel(&Timer::Failover(id.clone()));
        self.allocator.activate_framework(id);
        self.publish_framework(id, turn);
        let subscribed = Some(event::Subscribed {
            framework_id: id.to_proto(),
            #[expect(clippy::cast_precision_loss, reason = "a small constant")]
            heartbeat_interval_seconds: Some(HEARTBEAT_SECONDS as f64),
            master_info: Some(master_info),
        });
        if let Some(framework) = self.frameworks.registered.get(id) {
            framework.send(turn, Event { subscribed, ..of(event::Type::Subscribed) });
        }
        self.heartbeat(id, turn);
    }

    /// Sends a heartbeat and plans the next.
    pub(crate) fn heartbeat(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        framework.send(turn, of(event::Type::Heartbeat));
        let next: Time = turn.now.time + Duration::from_secs(HEARTBEAT_SECONDS);
        self.timers.set(Timer::Heartbeat(id.clone()), next);
    }

    /// Ends the stream of a connected framework, after an error if one is given.
    pub(crate) fn end_stream(&mut self, id: &FrameworkId, message: Option<&str>, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let Some(Peer::Http { stream, .. }) = framework.peer() else { return };
        let stream = *stream;
        if let Some(message) = message {
            framework.send(turn, error(message.to_owned()));
        }
        turn.push(Effect::CloseStream(stream));
        self.frameworks.streams.remove(&stream);
    }
}
