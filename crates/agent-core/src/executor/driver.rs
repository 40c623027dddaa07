//! Old executors: those that link the driver of Mesos before its executor API, and speak messages of the link.
//!
//! A driver registers once. It has no stream: what it is to hear is sent to its address, and it keeps nothing of what it
//! misses. After our restart we ask it back (`ReconnectExecutorMessage`), and it comes with its unacknowledged tasks and
//! updates (`ReregisterExecutorMessage`), as an executor does that subscribes again.

use tepui_proto::v1::executor::event::Type;
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{ExecutorId, FrameworkId, TaskId, Upid};

use super::Executor;
use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState};
use crate::effect::{Effect, Effects};
use crate::record::{Record, Speaks};
use crate::status_update::{UpdateSource, is_executors_word};
use crate::timers::Timer;

impl Agent {
    /// `RegisterExecutorMessage`: an old executor has started.
    pub(crate) fn register_driver(
        &mut self,
        from: &Upid,
        message: &internal::RegisterExecutorMessage,
        effects: &mut Effects,
    ) {
        let framework = FrameworkId::from(&message.framework_id);
        let executor = ExecutorId::from(&message.executor_id);
        // While we recover, an executor that was never registered is not waited for.
        let admitted = self.state != State::Recovering
            && self.executor_state(&framework, &executor) == Some(ExecutorState::Registering);
        if !admitted || !self.connect_driver(from, &framework, &executor, effects) {
            send_shutdown(from, effects);
            return;
        }
        if self.shut_down_if_idle_from_the_start(&framework, &executor, effects) {
            return;
        }
        self.send_subscribed(&framework, &executor, effects);
        self.send_queued_tasks(&framework, &executor, effects);
    }

    /// `ReregisterExecutorMessage`: an old executor has heard that we restarted.
    pub(crate) fn reregister_driver(
        &mut self,
        from: &Upid,
        message: internal::ReregisterExecutorMessage,
        effects: &mut Effects,
    ) {
        let framework = FrameworkId::from(&message.framework_id);
        let executor = ExecutorId::from(&message.executor_id);
        match self.executor_state(&framework, &executor) {
            Some(ExecutorState::Registering) => {}
            // It was asked more than once.
            Some(ExecutorState::Running) if self.config.executor_reregistration_retry_interval.is_some() => {
                return;
            }
            None | Some(ExecutorState::Running | ExecutorState::Terminating | ExecutorState::Terminated) => {
                send_shutdown(from, effects);
                return;
            }
        }
        if !self.connect_driver(from, &framework, &executor, effects) {
            send_shutdown(from, effects);
            return;
        }
        if let Some(id) = &self.id {
            let slave_id = id.to_proto();
            let message = internal::ExecutorReregisteredMessage { slave_id, slave_info: self.info.clone() };
            effects.push(Effect::SendLink { to: from.clone(), message: message.into() });
        }
        let source = UpdateSource::Executor(framework.clone(), executor.clone());
        for update in message.updates {
            self.receive_driver_status(&framework, update, &source, effects);
        }
        let known = message.tasks.iter().map(|task| TaskId::from(&task.task_id)).collect();
        self.drop_tasks_unknown_to_executor(&framework, &executor, &known, effects);
        if !self.shut_down_if_idle_from_the_start(&framework, &executor, effects) {
            self.send_queued_tasks(&framework, &executor, effects);
        }
        self.recovered_if_done(effects);
    }

    /// `StatusUpdateMessage`: an old executor says how a task is doing.
    pub(crate) fn driver_update(
        &mut self,
        from: &Upid,
        message: internal::StatusUpdateMessage,
        effects: &mut Effects,
    ) {
        let framework = FrameworkId::from(&message.update.framework_id);
        let Some(executor) = self.driver_at(from, &framework) else {
            effects.change(Change::Counted("slave/invalid_status_updates"));
            return;
        };
        if !is_executors_word(message.update.status.state()) {
            effects.change(Change::Counted("slave/invalid_status_updates"));
            self.shut_down_executor(&framework, &executor, effects);
            return;
        }
        let source = UpdateSource::Executor(framework.clone(), executor);
        self.receive_driver_status(&framework, message.update, &source, effects);
    }

    /// `ExecutorToFrameworkMessage`: an old executor has something for its scheduler.
    pub(crate) fn driver_message(
        &mut self,
        from: &Upid,
        message: internal::ExecutorToFrameworkMessage,
        effects: &mut Effects,
    ) {
        let framework = FrameworkId::from(&message.framework_id);
        let executor = ExecutorId::from(&message.executor_id);
        if self.driver_at(from, &framework).as_ref() == Some(&executor) {
            self.executor_message(&framework, &executor, message.data, effects);
        } else {
            effects.change(Change::Counted("slave/invalid_framework_messages"));
        }
    }

    /// Takes the update of a driver: its uuid stands beside the status, not in it.
    fn receive_driver_status(
        &mut self,
        framework: &FrameworkId,
        update: internal::StatusUpdate,
        source: &UpdateSource,
        effects: &mut Effects,
    ) {
        let status = v1::TaskStatus {
            uuid: update.uuid.clone().or(update.status.uuid.clone()),
            executor_id: update.executor_id.or(update.status.executor_id.clone()),
            timestamp: update.status.timestamp.or(Some(update.timestamp)),
            ..update.status
        };
        self.receive_status(framework, status, source, effects);
    }

    /// The driver of this address among a framework's executors.
    fn driver_at(&self, from: &Upid, framework: &FrameworkId) -> Option<ExecutorId> {
        let executors = self.frameworks.get(framework)?.executors.values();
        let mut found = executors.filter(|executor| executor.driver.as_ref() == Some(from));
        found.next().map(|executor| executor.id.clone())
    }

    /// Makes the driver the executor's own; `false` if the executor is not to run.
    fn connect_driver(
        &mut self,
        from: &Upid,
        framework: &FrameworkId,
        executor: &ExecutorId,
        effects: &mut Effects,
    ) -> bool {
        if self.admitted_executor(framework, executor).is_none() {
            return false;
        }
        let Some(executor) = self.executor_mut(framework, executor) else { return false };
        executor.driver = Some(from.clone());
        executor.connected(Speaks::Driver(from.clone()), effects);
        let container = executor.container.clone();
        self.timers.cancel(&Timer::ExecutorRegistration(container.clone()));
        self.timers.cancel(&Timer::ExecutorReconnect(container));
        effects.push(Effect::OpenLink(from.clone()));
        true
    }

    /// Asks a driver back that registered with an earlier process of ours.
    pub(crate) fn ask_back(&mut self, framework: &FrameworkId, executor: &ExecutorId, effects: &mut Effects) {
        let Some(slave_id) = self.id.as_ref().map(tepui_types::AgentId::to_proto) else { return };
        let retry = self.config.executor_reregistration_retry_interval;
        let now = self.now.time;
        let Some(executor) = self.executor_mut(framework, executor) else { return };
        let Some(Speaks::Driver(driver)) = executor.speaks.clone() else { return };
        if executor.state != ExecutorState::Registering {
            return;
        }
        let container = executor.container.clone();
        let message = internal::ReconnectExecutorMessage { slave_id };
        effects.push(Effect::SendLink { to: driver, message: message.into() });
        if let Some(retry) = retry {
            let pause = retry.max(RETRY_PAUSE_MIN);
            self.timers.set(Timer::ExecutorReconnect(container), now + pause);
        }
    }
}

/// The shortest pause between two requests to come back: an operator who sets none must not make us spin.
const RETRY_PAUSE_MIN: std::time::Duration = std::time::Duration::from_millis(100);

fn send_shutdown(to: &Upid, effects: &mut Effects) {
    let message = internal::ShutdownExecutorMessage::default().into();
    effects.push(Effect::SendLink { to: to.clone(), message });
}

impl Executor {
    /// Notes that it is connected, and how.
    pub(crate) fn connected(&mut self, speaks: Speaks, effects: &mut Effects) {
        if self.state == ExecutorState::Registering {
            self.state = ExecutorState::Running;
            effects.change(Change::ExecutorChanged {
                framework: self.framework.clone(),
                executor: self.id.clone(),
                state: ExecutorState::Running,
            });
        }
        if self.speaks.as_ref() != Some(&speaks) {
            self.speaks = Some(speaks.clone());
            if self.checkpoint {
                effects.record(Record::Connected { run: self.run(), speaks });
            }
        }
    }

    /// An event in the words of a driver; `None` for one that drivers have no word for.
    pub(crate) fn for_driver(&self, event: &v1::executor::Event) -> Option<LinkMessage> {
        let (slave_id, framework_id) = (self.agent.to_proto(), self.framework.to_proto());
        match event.r#type() {
            Type::Subscribed => {
                let subscribed = event.subscribed.clone()?;
                let message = internal::ExecutorRegisteredMessage {
                    executor_info: subscribed.executor_info,
                    framework_id,
                    framework_info: subscribed.framework_info,
                    slave_id,
                    slave_info: subscribed.agent_info,
                };
                Some(message.into())
            }
            Type::Kill => {
                let kill = event.kill.clone()?;
                let (task_id, kill_policy) = (kill.task_id, kill.kill_policy);
                Some(internal::KillTaskMessage { framework_id, task_id, kill_policy }.into())
            }
            Type::Acknowledged => {
                let acknowledged = event.acknowledged.clone()?;
                let (task_id, uuid) = (acknowledged.task_id, acknowledged.uuid);
                let message =
                    internal::StatusUpdateAcknowledgementMessage { slave_id, framework_id, task_id, uuid };
                Some(message.into())
            }
            Type::Message => {
                let data = event.message.clone()?.data;
                let executor_id = self.id.to_proto();
                let message =
                    internal::FrameworkToExecutorMessage { slave_id, framework_id, executor_id, data };
                Some(message.into())
            }
            Type::Shutdown => Some(internal::ShutdownExecutorMessage::default().into()),
            Type::Launch | Type::LaunchGroup | Type::Error | Type::Heartbeat | Type::Unknown => None,
        }
    }
}
