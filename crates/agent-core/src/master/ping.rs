//! `PingSlaveMessage`: a master's observer wants to hear that we live.

use tepui_proto::internal;
use tepui_types::Upid;

use crate::agent::{Agent, State};
use crate::effect::{Effect, Effects};
use crate::timers::Timer;

impl Agent {
    /// Answers the observer, and registers again if the master holds us for disconnected. The observers of a master that
    /// does not lead hear nothing: that is how it learns that we are not its any more.
    pub(crate) fn ping(&mut self, from: &Upid, connected: bool, effects: &mut Effects) {
        if self.master.as_ref().is_none_or(|master| master.address != from.address) {
            tracing::debug!(%from, "did not answer the ping of a stranger");
            return;
        }
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
