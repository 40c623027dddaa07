//! Ends an executor: it is asked to, has a grace period, and is destroyed then.

use tepui_proto::internal;
use tepui_proto::v1::executor::event::Type;
use tepui_types::{ExecutorId, FrameworkId};

use super::send::event;
use crate::agent::Agent;
use crate::change::{Change, ExecutorState};
use crate::effect::{Effect, Effects};
use crate::environment::shutdown_grace_period;
use crate::record::Speaks;
use crate::timers::Timer;

impl Agent {
    /// Asks an executor that is registering or running to end. Others end already.
    pub(crate) fn shut_down_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let Some(executor) = framework.executors.get_mut(executor_id) else { return };
        if executor.state >= ExecutorState::Terminating {
            return;
        }
        executor.state = ExecutorState::Terminating;
        effects.change(Change::ExecutorChanged {
            framework: framework_id.clone(),
            executor: executor_id.clone(),
            state: ExecutorState::Terminating,
        });
        executor.send(event(Type::Shutdown), effects);
        if let (false, Some(Speaks::Driver(driver))) = (executor.is_connected(), &executor.speaks) {
            // It has not come back; it may hear this all the same.
            let message = internal::ShutdownExecutorMessage::default().into();
            effects.push(Effect::SendLink { to: driver.clone(), message });
        }
        let grace = shutdown_grace_period(&self.config, &executor.info);
        let container = executor.container.clone();
        self.timers.cancel(&Timer::ExecutorRegistration(container.clone()));
        self.timers.cancel(&Timer::ExecutorReconnect(container.clone()));
        self.timers.set(Timer::ExecutorShutdown(container), self.now.time + grace);
        self.recovered_if_done(effects);
    }
}
