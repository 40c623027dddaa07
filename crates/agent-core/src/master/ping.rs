//! `PingSlaveMessage`: a master's observer wants to hear that we live.

use tepui_proto::internal;
use tepui_types::Upid;

use crate::agent::{Agent, State};
use crate::effect::{Effect, Effects};
use crate::timers::Timer;

impl Agent {
    /// Answers the observer, and registers again if the master holds us for disconnected.
    pub(crate) fn ping(&mut self, from: &Upid, connected: bool, effects: &mut Effects) {
        if self.state == State::Running {
            if connected {
                self.timers.set(Timer::Ping, self.now.time + self.ping_timeout);
            } else {
                self.redetect(effects);
            }
        }
        let message = internal::PongSlaveMessage::default().into();
        effects.push(Effect::SendLink { to: from.clone(), message });
    }
}
