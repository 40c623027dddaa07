//! `DeactivateFrameworkMessage`: a driver was aborted. It wants nothing more, but its tasks run on.

use tepui_proto::internal;
use tepui_types::{FrameworkId, Upid};

use crate::master::Master;
use crate::offer::OfferNumber;
use crate::turn::Turn;

impl Master {
    /// Stops offering to the driver's framework until it subscribes again, and rescinds what it was offered.
    pub(crate) fn driver_deactivate(
        &mut self,
        from: &Upid,
        message: &internal::DeactivateFrameworkMessage,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_deactivate_framework");
        let id = FrameworkId::from(&message.framework_id);
        let active = self.framework_of_driver(&id, from).is_some_and(|framework| framework.active);
        let Some(framework) = self.frameworks.registered.get_mut(&id).filter(|_| active) else { return };
        framework.active = false;
        let offers: Vec<OfferNumber> = framework.offers.iter().copied().collect();
        self.allocator.deactivate_framework(&id);
        for number in offers {
            self.rescind_offer(number, turn);
        }
        self.rescind_inverse_offers_of_framework(&id, turn);
        self.publish_framework(&id, turn);
    }
}
