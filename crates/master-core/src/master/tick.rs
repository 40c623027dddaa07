//! The passing of time.

use super::Master;
use crate::timers::Timer;
use crate::turn::Turn;

/// How many timers fire in one step, so that calls do not wait while all agents are pinged, which registered together: the
/// rest is still due, and fires in the next steps. A few of these take no longer than a call.
const MAX_FIRED: usize = 32;

impl Master {
    /// Does what is due, or the part of it that was due first.
    pub(crate) fn fire_timers(&mut self, turn: &mut Turn<'_>) {
        for _ in 0..MAX_FIRED {
            let Some(timer) = self.timers.pop(turn.now.time) else { return };
            match timer {
                Timer::Heartbeat(id) => self.heartbeat(&id, turn),
                Timer::Failover(id) => self.failover_timeout(&id, turn),
                Timer::SlowReader(id) => self.slow_reader_timeout(&id, turn),
                Timer::Ping(id) => self.ping_timeout(&id, turn),
                Timer::Reregister(id) => self.reregister_timeout(&id, turn),
                Timer::RecoveredAgents => self.recovered_agents_timeout(turn),
                Timer::RateLimit(limited) => self.rate_limit_due(&limited, turn),
                Timer::AgentRemoval => self.next_removal(turn),
                Timer::RegistryGc => self.prune(turn),
                Timer::Offer(number) => self.rescind_offer(number, turn),
                Timer::InverseOffer(number) => self.rescind_inverse_offer(number, turn),
            }
        }
    }
}
