//! The link to a driver broke.

use tepui_types::Upid;

use crate::framework::event::error;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Gives the driver's framework its time to come back.
    pub(crate) fn driver_link_broken(&mut self, peer: &Upid, turn: &mut Turn<'_>) {
        let Some(id) = self.frameworks.drivers.get(peer).cloned() else { return };
        let framework = self.frameworks.registered.get(&id).filter(|framework| framework.is_connected());
        let Some(framework) = framework else { return };
        // If it lives it must not go on in the belief that it is connected.
        framework.send(turn, error("Framework disconnected".to_owned()));
        self.disconnect_framework(&id, turn);
    }
}
