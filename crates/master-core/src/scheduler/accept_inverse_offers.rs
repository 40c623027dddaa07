//! `ACCEPT_INVERSE_OFFERS`: a framework will leave these agents.

use tepui_proto::v1::allocator::inverse_offer_status::Status;
use tepui_proto::v1::scheduler::call;
use tepui_types::FrameworkId;

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Notes that the framework will leave.
    pub(crate) fn accept_inverse_offers(
        &mut self,
        framework: &FrameworkId,
        accept: &call::AcceptInverseOffers,
        turn: &mut Turn<'_>,
    ) {
        let filters = accept.filters.as_ref();
        self.answer_inverse_offers(framework, &accept.inverse_offer_ids, filters, Status::Accept, turn);
    }
}
