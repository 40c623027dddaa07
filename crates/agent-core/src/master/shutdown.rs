//! `ShutdownMessage`: the master wants us gone.

use tepui_proto::internal;

use crate::agent::Agent;
use crate::effect::Effects;

impl Agent {
    /// Ends all executors, then ourselves.
    pub(crate) fn shutdown(&mut self, message: internal::ShutdownMessage, effects: &mut Effects) {
        let reason = message.message.filter(|message| !message.is_empty());
        let error = reason.map_or_else(
            || "the master asked the agent to shut down".to_owned(),
            |reason| format!("the master asked the agent to shut down: {reason}"),
        );
        self.terminate(Some(error), effects);
    }
}
