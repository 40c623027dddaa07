//! Watching that agents answer.
//!
//! Each agent is watched by an actor of its own name, `slave-observer(N)`: that is whom its pongs are addressed to.

use std::time::Duration;

use tepui_proto::internal;
use tepui_types::AgentId;

use super::Silence;
use crate::master::Master;
use crate::timers::Timer;
use crate::turn::Turn;

/// Time must pass between pings, or a step would never end.
const LEAST_PING_INTERVAL: Duration = Duration::from_millis(1);

/// How an agent has been answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observer {
    /// Distinguishes this actor from all others that this master ever had.
    pub(crate) number: u64,
    /// The last ping has not been answered.
    waiting: bool,
    /// Pings in a row that were not answered in time.
    timeouts: u32,
}

impl Observer {
    /// An observer that has not pinged yet.
    pub(crate) fn new(number: u64) -> Self {
        Self { number, waiting: false, timeouts: 0 }
    }
}

/// The name of an observer's actor.
pub(crate) fn actor(number: u64) -> String {
    format!("slave-observer({number})")
}

impl Master {
    /// Pings an agent and plans the next ping.
    pub(crate) fn ping(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get_mut(id) else { return };
        agent.observer.waiting = true;
        let ping = internal::PingSlaveMessage { connected: agent.connected };
        turn.send_as(actor(agent.observer.number), &agent.pid, ping);
        self.timers.set(
            Timer::Ping(id.clone()),
            turn.now.time + self.config.agent_ping_timeout.max(LEAST_PING_INTERVAL),
        );
    }

    /// Has an agent register anew: it does when it hears that we hold it for disconnected.
    pub(crate) fn have_reregister(&self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let ping = internal::PingSlaveMessage { connected: false };
        turn.send_as(actor(agent.observer.number), &agent.pid, ping);
    }

    /// The time to answer a ping is over. An agent that missed too many is marked unreachable.
    pub(crate) fn ping_timeout(&mut self, id: &AgentId, turn: &mut Turn<'_>) {
        let Some(agent) = self.agents.registered.get_mut(id) else { return };
        if agent.observer.waiting {
            agent.observer.timeouts = agent.observer.timeouts.saturating_add(1);
            if agent.observer.timeouts >= self.config.max_agent_ping_timeouts {
                self.schedule_unreachable(id, Silence::Pings, turn);
            }
        }
        self.ping(id, turn);
    }

    /// An agent answered its observer.
    pub(crate) fn pong(&mut self, to: &str, turn: &mut Turn<'_>) {
        let number = to.strip_prefix("slave-observer(").and_then(|rest| rest.strip_suffix(')'));
        let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else { return };
        let Some(id) = self.agents.observers.get(&number).cloned() else { return };
        let Some(agent) = self.agents.registered.get_mut(&id) else { return };
        agent.observer.waiting = false;
        // Only one that was silent for too long can be waiting to be marked.
        if std::mem::take(&mut agent.observer.timeouts) >= self.config.max_agent_ping_timeouts {
            self.cancel_removal(&id, turn);
        }
    }
}
