//! TEARDOWN: a framework ends for good.

use tepui_types::FrameworkId;

use crate::effect::Response;
use crate::input::SchedulerCall;
use crate::master::{Master, Pending};
use crate::turn::Turn;

impl Master {
    /// Removes the framework, and says so when the registry holds that it may not come back.
    pub(crate) fn teardown(&mut self, request: &SchedulerCall, turn: &mut Turn<'_>) {
        turn.count("master/messages_unregister_framework");
        let then = Pending::Answer(request.request, Response::Accepted);
        if let Some(id) = request.call.framework_id.as_ref().map(FrameworkId::from) {
            self.remove_framework_then(&id, then, turn);
        }
    }
}
