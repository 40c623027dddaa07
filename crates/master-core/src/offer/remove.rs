//! The ends of an offer: accepted, declined, discarded or rescinded.

use std::time::Duration;

use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Event, event};

use super::{Offer, OfferNumber};
use crate::change::{Change, Counter, OfferFate};
use crate::framework::event::of;
use crate::master::Master;
use crate::timers::Timer;
use crate::turn::Turn;

/// How long a decliner is spared if it does not say.
const DEFAULT_REFUSE: Duration = Duration::from_secs(5);
/// The longest time that a decliner may ask for.
const MAX_REFUSE: Duration = Duration::from_hours(365 * 24);

impl Master {
    /// Takes an offer off the books. Its resources are the caller's.
    pub(crate) fn remove_offer(&mut self, number: OfferNumber, turn: &mut Turn<'_>) -> Option<Offer> {
        let offer = self.offers.remove(&number)?;
        if let Some(framework) = self.frameworks.registered.get_mut(&offer.framework) {
            framework.offers.remove(&number);
        }
        if let Some(agent) = self.agents.registered.get_mut(&offer.agent) {
            agent.offers.remove(&number);
        }
        if self.config.offer_timeout.is_some() {
            self.timers.cancel(&Timer::Offer(number));
        }
        turn.change(Change::OfferRemoved(offer.id.clone()));
        Some(offer)
    }

    /// Ends an offer and returns its resources. Its framework is told nothing.
    pub(crate) fn discard_offer(
        &mut self,
        number: OfferNumber,
        refuse: Option<Duration>,
        turn: &mut Turn<'_>,
    ) {
        if let Some(offer) = self.remove_offer(number, turn) {
            self.allocator.recover(turn.now.time, &offer.framework, &offer.agent, &offer.resources, refuse);
        }
    }

    /// Ends an offer, tells its framework so and returns its resources.
    pub(crate) fn rescind_offer(&mut self, number: OfferNumber, turn: &mut Turn<'_>) {
        let Some(offer) = self.offers.get(&number) else { return };
        if let Some(framework) = self.frameworks.registered.get(&offer.framework) {
            let rescind = Some(event::Rescind { offer_id: offer.id.to_proto() });
            turn.change(Change::Counted(Counter::Offers(framework.id.clone(), OfferFate::Rescinded, 1)));
            framework.send(turn, Event { rescind, ..of(event::Type::Rescind) });
        }
        self.discard_offer(number, None, turn);
    }
}

/// How long what was refused is kept from the refuser.
pub(crate) fn refuse_duration(filters: Option<&v1::Filters>) -> Duration {
    let Some(seconds) = filters.and_then(|filters| filters.refuse_seconds) else { return DEFAULT_REFUSE };
    if seconds.is_nan() || seconds < 0.0 {
        // Compat: Mesos takes a time that makes no sense as the default.
        return DEFAULT_REFUSE;
    }
    Duration::try_from_secs_f64(seconds).map_or(MAX_REFUSE, |refuse| refuse.min(MAX_REFUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuse_seconds_are_clamped() {
        let refuse = |seconds| refuse_duration(Some(&v1::Filters { refuse_seconds: Some(seconds) }));
        assert_eq!(refuse(0.0), Duration::ZERO);
        assert_eq!(refuse(2.5), Duration::from_millis(2500));
        for odd in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(refuse(odd), DEFAULT_REFUSE);
        }
        for long in [1e9, 1e300, f64::INFINITY] {
            assert_eq!(refuse(long), MAX_REFUSE);
        }
        assert_eq!(refuse_duration(None), DEFAULT_REFUSE);
        assert_eq!(refuse_duration(Some(&v1::Filters { refuse_seconds: None })), DEFAULT_REFUSE);
    }
}
