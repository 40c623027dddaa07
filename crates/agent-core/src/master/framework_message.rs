//! `FrameworkToExecutorMessage`: data from a scheduler, which a driver may send to us directly.

use tepui_proto::v1::executor::event;
use tepui_proto::{internal, v1};
use tepui_types::{ExecutorId, FrameworkId};

use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState};
use crate::effect::Effects;

impl Agent {
    /// Hands the data to the executor, if it runs.
    pub(crate) fn framework_message(
        &mut self,
        message: internal::FrameworkToExecutorMessage,
        effects: &mut Effects,
    ) {
        let framework = self.frameworks.get(&FrameworkId::from(&message.framework_id));
        let executor = framework
            .filter(|framework| self.state == State::Running && !framework.terminating)
            .and_then(|framework| framework.executors.get(&ExecutorId::from(&message.executor_id)))
            .filter(|executor| executor.state == ExecutorState::Running);
        let Some(executor) = executor else {
            effects.change(Change::Counted("slave/invalid_framework_messages"));
            return;
        };
        let event = v1::executor::Event {
            r#type: Some(event::Type::Message.into()),
            message: Some(event::Message { data: message.data }),
            ..v1::executor::Event::default()
        };
        executor.send(event, effects);
        effects.change(Change::Counted("slave/valid_framework_messages"));
    }
}
