//! REVIVE: a framework wants offers again, in all or some of its roles.

use tepui_proto::v1::scheduler::call;
use tepui_types::FrameworkId;

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Ends suppression and forgets what was declined. One bad role makes the whole call void.
    pub(crate) fn revive(&mut self, id: &FrameworkId, revive: &call::Revive, turn: &mut Turn<'_>) {
        turn.count("master/messages_revive_offers");
        let Some(roles) = self.chosen_roles(id, &revive.roles) else { return };
        self.allocator.revive(id, &roles);
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        let suppressed = framework.suppressed.len();
        framework.suppressed.retain(|role| !roles.contains(role));
        if framework.suppressed.len() != suppressed {
            self.publish_framework(id, turn);
        }
    }
}
