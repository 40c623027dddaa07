//! A framework that this master did not know.

use tepui_types::FrameworkId;

use super::{Framework, Subscription};
use crate::change::Change;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// The id of the next new framework. Ids that somebody claimed before we gave them are left out.
    pub(crate) fn new_framework_id(&mut self) -> FrameworkId {
        loop {
            let id = FrameworkId::new(format!("{}-{:04}", self.id, self.next_framework));
            self.next_framework += 1;
            if !self.frameworks.registered.contains_key(&id) && !self.frameworks.completed.contains(&id) {
                return id;
            }
        }
    }

    /// Adds a framework that has no connection yet.
    pub(crate) fn add_framework(
        &mut self,
        id: &FrameworkId,
        subscription: Subscription,
        turn: &mut Turn<'_>,
    ) {
        self.allocator.add_framework(id, subscription.description(), false);
        let framework = Framework::new(id.clone(), subscription, self.hash_seed);
        turn.change(Change::FrameworkAdded(framework.entity()));
        self.frameworks.registered.insert(id.clone(), framework);
    }
}
