//! Suppressed roles get nothing: no offer is made in a role that its framework has suppressed.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::Change;
use tepui_types::FrameworkId;

/// What frameworks have suppressed, by the journal.
#[derive(Debug, Default)]
pub(crate) struct SuppressedRolesGetNothing {
    suppressed: BTreeMap<FrameworkId, BTreeSet<String>>,
}

impl SuppressedRolesGetNothing {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is not about offers")]
    pub(crate) fn changed(&mut self, change: &Change) {
        match change {
            Change::FrameworkAdded(entity) | Change::FrameworkUpdated(entity) => {
                let id = entity.info.id.as_ref().map(FrameworkId::from).expect("a framework has an id");
                self.suppressed.insert(id, entity.suppressed_roles.iter().cloned().collect());
            }
            Change::FrameworkCompleted { id, .. } => drop(self.suppressed.remove(id)),
            Change::OfferAdded(offer) => {
                let (id, role) = (&offer.framework, offer.role.as_ref());
                let is_suppressed = self.suppressed.get(id).is_some_and(|roles| roles.contains(role));
                assert!(!is_suppressed, "{id} suppressed `{role}` and is offered {:?}", offer.id);
            }
            _ => {}
        }
    }
}
