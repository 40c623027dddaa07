//! `DECLINE_INVERSE_OFFERS`: a framework would rather not leave these agents. Nothing stops the operator.

use tepui_proto::v1::allocator::inverse_offer_status::Status;
use tepui_proto::v1::scheduler::call;
use tepui_types::FrameworkId;

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Notes that the framework would stay.
    pub(crate) fn decline_inverse_offers(
        &mut self,
        framework: &FrameworkId,
        decline: &call::DeclineInverseOffers,
        turn: &mut Turn<'_>,
    ) {
        let filters = decline.filters.as_ref();
        self.answer_inverse_offers(framework, &decline.inverse_offer_ids, filters, Status::Decline, turn);
    }
}
