//! The loss of a framework's connection, and the time that it has to come back.

use std::time::Duration;

use tepui_proto::v1;
use tepui_types::FrameworkId;

use super::{Connection, Subscription};
use crate::input::StreamId;
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// A stream's client went away, or the shell gave it up. Streams that we ended ourselves are not known any more.
    pub(crate) fn stream_closed(&mut self, stream: StreamId, turn: &mut Turn<'_>) {
        let Some(id) = self.frameworks.streams.remove(&stream) else { return };
        self.disconnect_framework(&id, turn);
    }

    /// Takes note that a framework's peer is gone. The framework is removed, at once or when it does not come back.
    pub(crate) fn disconnect_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        self.deactivate_framework(id, turn);
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        framework.connection = Connection::Disconnected(framework.pid().cloned());
        let timeout = failover_timeout(framework.info.failover_timeout);
        self.publish_framework(id, turn);
        if timeout.is_zero() {
            self.remove_framework(id, turn);
        } else {
            self.timers.set(Timer::Failover(id.clone()), turn.now.time + timeout);
        }
    }

    /// Stops offering to a framework and takes its offers back.
    pub(crate) fn deactivate_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        self.allocator.deactivate_framework(id);
        self.forget_backlog(id);
        self.timers.cancel(&Timer::Heartbeat(id.clone()));
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        framework.active = false;
        let offers: Vec<OfferNumber> = framework.offers.iter().copied().collect();
        for number in offers {
            self.discard_offer(number, None, turn);
        }
        self.discard_inverse_offers_of_framework(id, turn);
    }

    /// Adds a framework that an agent brought. It has its failover timeout, and at least the time that agents have to
    /// re-register, from the end of recovery; but whether it is removed then is up to the operator.
    pub(crate) fn recover_framework(
        &mut self,
        id: &FrameworkId,
        info: &v1::FrameworkInfo,
        turn: &mut Turn<'_>,
    ) {
        self.add_framework(id, Subscription::recovered(info.clone()), turn);
        if !self.config.remove_unreturned_frameworks {
            return;
        }
        let timeout = failover_timeout(info.failover_timeout).max(self.config.agent_reregister_timeout);
        let deadline = self.recovered_at + timeout;
        self.timers.set(Timer::Failover(id.clone()), deadline.max(turn.now.time));
    }

    /// A disconnected framework did not come back in time.
    pub(crate) fn failover_timeout(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let gone = self.frameworks.registered.get(id).is_some_and(|framework| !framework.is_connected());
        if gone {
            self.remove_framework(id, turn);
        }
    }
}

/// The time to come back. Negative and senseless numbers are none, huge ones are as long as can be.
pub(crate) fn failover_timeout(seconds: Option<f64>) -> Duration {
    let seconds = seconds.unwrap_or(0.0);
    if seconds.is_nan() || seconds <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_failover_timeouts_saturate() {
        assert_eq!(failover_timeout(None), Duration::ZERO);
        assert_eq!(failover_timeout(Some(-1.0)), Duration::ZERO);
        assert_eq!(failover_timeout(Some(f64::NAN)), Duration::ZERO);
        assert_eq!(failover_timeout(Some(1.5)), Duration::from_millis(1500));
        assert_eq!(failover_timeout(Some(f64::INFINITY)), Duration::MAX);
    }
}
