//! DECLINE: a framework does not want these offers, for a while.

use tepui_proto::v1::scheduler::call;
use tepui_types::FrameworkId;

use crate::change::{Change, Counter, OfferFate};
use crate::master::Master;
use crate::offer::{offer_number, refuse_duration};
use crate::turn::Turn;

impl Master {
    /// Ends the offers. Those that are no longer valid, or never were the framework's, are ignored.
    pub(crate) fn decline(&mut self, framework: &FrameworkId, decline: &call::Decline, turn: &mut Turn<'_>) {
        turn.count("master/messages_decline_offers");
        let refuse = Some(refuse_duration(decline.filters.as_ref()));
        let mut declined = 0;
        for id in &decline.offer_ids {
            let Some(number) = offer_number(&self.id, &id.value) else { continue };
            if self.offers.get(&number).is_some_and(|offer| offer.framework == *framework) {
                self.discard_offer(number, refuse, turn);
                declined += 1;
            }
        }
        if declined > 0 {
            turn.change(Change::Counted(Counter::Offers(framework.clone(), OfferFate::Declined, declined)));
        }
    }
}
