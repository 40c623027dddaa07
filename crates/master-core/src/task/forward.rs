//! Passing statuses on to schedulers.

use tepui_proto::v1;
use tepui_proto::v1::task_status::Source;
use tepui_types::FrameworkId;

use crate::change::{Change, Counter};
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Sends a status that the master made. It needs no acknowledgement.
    pub(crate) fn send_status(&self, framework: &FrameworkId, status: v1::TaskStatus, turn: &mut Turn<'_>) {
        if let Some(framework) = self.frameworks.registered.get(framework) {
            framework.send_status(turn, status);
        }
    }

    /// Tells a scheduler that a task of its call was refused, and counts that.
    pub(crate) fn refuse_task(&self, framework: &FrameworkId, status: v1::TaskStatus, turn: &mut Turn<'_>) {
        let reason = status.reason.and_then(|reason| reason.try_into().ok());
        turn.change(Change::Counted(Counter::TaskTerminal(status.state(), Some(Source::Master), reason)));
        self.send_status(framework, status, turn);
    }
}
