//! An offer has one owner: its id is given once, and it is sent once, to the framework that it is for.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::Change;
use tepui_proto::v1::scheduler::Event;
use tepui_types::{FrameworkId, OfferId};

/// All offers ever made.
#[derive(Debug, Default)]
pub(crate) struct OfferHasOneOwner {
    owners: BTreeMap<OfferId, FrameworkId>,
    sent: BTreeSet<OfferId>,
    frameworks: BTreeMap<FrameworkId, usize>,
}

impl OfferHasOneOwner {
    pub(crate) fn changed(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::OfferAdded(offer) = change else { continue };
            let known = self.owners.insert(offer.id.clone(), offer.framework.clone());
            assert!(known.is_none(), "the offer id {} was given before", offer.id);
        }
    }

    /// The master wrote an event to the stream of this scheduler.
    pub(crate) fn sent(&mut self, scheduler: usize, event: &Event) {
        if let Some(subscribed) = &event.subscribed {
            let id = FrameworkId::from(&subscribed.framework_id);
            let known = self.frameworks.insert(id, scheduler);
            assert!(known.is_none_or(|known| known == scheduler), "a framework belongs to one scheduler");
        }
        for offer in event.offers.iter().flat_map(|offers| &offers.offers) {
            let (id, framework) = (OfferId::from(&offer.id), FrameworkId::from(&offer.framework_id));
            assert_eq!(self.owners.get(&id), Some(&framework), "offer {id} is for another framework");
            assert_eq!(self.frameworks.get(&framework), Some(&scheduler), "offer {id} goes to its framework");
            assert!(self.sent.insert(id.clone()), "offer {id} is sent twice");
        }
    }
}
