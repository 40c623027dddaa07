//! `UpdateFrameworkMessage`: a framework came back, perhaps changed, perhaps elsewhere.

use tepui_proto::{internal, v1};
use tepui_types::FrameworkId;

use crate::agent::{Agent, State};
use crate::effect::Effects;

impl Agent {
    /// Takes what is new, and tells the scheduler what it may have missed.
    pub(crate) fn update_framework(
        &mut self,
        message: internal::UpdateFrameworkMessage,
        effects: &mut Effects,
    ) {
        let id = FrameworkId::from(&message.framework_id);
        let Some(framework) = self.frameworks.get_mut(&id).filter(|framework| !framework.terminating) else {
            return;
        };
        if self.state != State::Running {
            return;
        }
        if let Some(info) = message.framework_info {
            // Whether it checkpoints is settled: its executors were started so.
            let checkpoint = framework.info.checkpoint;
            framework.info = v1::FrameworkInfo { id: Some(id.to_proto()), checkpoint, ..info };
        }
        framework.pid = message.pid.as_deref().and_then(|pid| pid.parse().ok());
        framework.keep(effects);
        self.resume_updates_of(&id, effects);
    }
}
