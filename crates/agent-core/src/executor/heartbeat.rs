//! The signs of life that a connected executor gets.

use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1::executor::event::Type;

use super::send::event;
use crate::agent::Agent;
use crate::effect::{Effect, Effects};
use crate::input::StreamId;
use crate::timers::Timer;

/// Between heartbeats: they only keep connections from being dropped as idle.
pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_mins(30);

impl Agent {
    /// Sends a heartbeat and plans the next.
    pub(crate) fn heartbeat(&mut self, stream: StreamId, effects: &mut Effects) {
        if self.streams.contains_key(&stream) {
            effects.push(Effect::SendEvent { stream, event: Arc::new(event(Type::Heartbeat)) });
            self.timers.set(Timer::Heartbeat(stream), self.now.time + HEARTBEAT_INTERVAL);
        }
    }
}
