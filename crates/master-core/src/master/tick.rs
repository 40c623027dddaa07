//! The passing of time.

use super::Master;
use crate::timers::Timer;
use crate::turn::Turn;

impl Master {
    /// Does what is due.
    pub(crate) fn fire_timers(&mut self, turn: &mut Turn<'_>) {
        while let Some(timer) = self.timers.pop(turn.now.time) {
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
