//! SUPPRESS: a framework wants no offers for now, in all or some of its roles.

use std::collections::BTreeSet;

use tepui_proto::v1::scheduler::call;
use tepui_types::{FrameworkId, validate_role};

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Stops making offers. Those that are out stay. One bad role makes the whole call void.
    pub(crate) fn suppress(&mut self, id: &FrameworkId, suppress: &call::Suppress, turn: &mut Turn<'_>) {
        turn.count("master/messages_suppress_offers");
        let Some(roles) = self.chosen_roles(id, &suppress.roles) else { return };
        self.allocator.suppress(id, &roles);
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        let suppressed = framework.suppressed.len();
        framework.suppressed.extend(roles);
        if framework.suppressed.len() != suppressed {
            self.publish_framework(id, turn);
        }
    }

    /// The roles that a call means: all if it names none; `None` if it names one that is not the framework's.
    pub(crate) fn chosen_roles(&self, id: &FrameworkId, named: &[String]) -> Option<BTreeSet<String>> {
        let framework = self.frameworks.registered.get(id)?;
        if named.is_empty() {
            return Some(framework.roles.clone());
        }
        let known = |role: &String| validate_role(role).is_ok() && framework.roles.contains(role);
        named.iter().all(known).then(|| named.iter().cloned().collect())
    }
}
