//! `SlaveRegisteredMessage`: the master has admitted us, and gives us our id.

use std::time::Duration;

use tepui_proto::internal;
use tepui_types::{AgentId, validate_id};

use crate::agent::{Agent, State};
use crate::change::Change;
use crate::effect::Effects;

/// How long we may go unpinged if the master does not say: five pings, 15 seconds apart.
pub(crate) const DEFAULT_PING_TIMEOUT: Duration = Duration::from_secs(75);

/// The longest time a master may let us go unpinged.
const MAX_PING_TIMEOUT: f64 = 86_400.0;

impl Agent {
    /// Takes our id.
    pub(crate) fn registered(&mut self, message: &internal::SlaveRegisteredMessage, effects: &mut Effects) {
        let id = AgentId::from(&message.slave_id);
        if matches!(self.state, State::Terminating | State::Stopped) || validate_id(id.as_str()).is_err() {
            return;
        }
        if self.id.as_ref().is_some_and(|own| *own != id) {
            self.refuse_id("registered", &id, effects);
            return;
        }
        self.set_ping_timeout(message.connection.as_ref());
        if self.state == State::Disconnected {
            self.info.id = Some(id.to_proto());
            self.id = Some(id.clone());
            effects.change(Change::AgentNamed(id));
            self.enter_running(effects);
        } else {
            self.send_update_slave(effects);
        }
    }

    /// Learns how long the master takes to give us up.
    pub(crate) fn set_ping_timeout(&mut self, connection: Option<&internal::MasterSlaveConnection>) {
        let seconds = connection.and_then(|connection| connection.total_ping_timeout_seconds);
        self.ping_timeout = match seconds {
            Some(seconds) if seconds >= 1.0 => Duration::from_secs_f64(seconds.min(MAX_PING_TIMEOUT)),
            Some(_) | None => DEFAULT_PING_TIMEOUT,
        };
    }
}
