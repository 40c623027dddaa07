//! SUBSCRIBE: an executor connects, for the first time or again.

use std::collections::BTreeSet;

use tepui_proto::v1;
use tepui_proto::v1::executor::event::Type;
use tepui_types::{ExecutorId, FrameworkId, TaskId};

use super::Executor;
use super::send::event;
use crate::agent::{Agent, State};
use crate::change::ExecutorState;
use crate::effect::{Effect, Effects, Response};
use crate::executor::heartbeat::HEARTBEAT_INTERVAL;
use crate::framework::dropped_state;
use crate::input::{RequestId, StreamId};
use crate::record::Speaks;
use crate::status_update::{AgentStatus, UpdateSource};
use crate::timers::Timer;

impl Agent {
    /// Opens a stream of events for an executor that is known, and brings both sides to the same view of its tasks.
    pub(crate) fn subscribe(
        &mut self,
        request: RequestId,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        subscribe: v1::executor::call::Subscribe,
        effects: &mut Effects,
    ) {
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        effects.push(Effect::Respond { request, response: Response::Subscribed { stream } });
        if self.open_stream(stream, framework_id, executor_id, effects).is_none() {
            let shutdown = event(Type::Shutdown).into();
            effects.push(Effect::SendEvent { stream, event: shutdown });
            effects.push(Effect::CloseStream(stream));
            return;
        }
        self.recovered_if_done(effects);
        let executor = UpdateSource::Executor(framework_id.clone(), executor_id.clone());
        for update in subscribe.unacknowledged_updates {
            self.receive_status(framework_id, update.status, &executor, effects);
        }
        let known = subscribe.unacknowledged_tasks.iter().map(|task| TaskId::from(&task.task_id)).collect();
        self.drop_tasks_unknown_to_executor(framework_id, executor_id, &known, effects);
        if self.shut_down_if_idle_from_the_start(framework_id, executor_id, effects) {
            return;
        }
        self.send_subscribed(framework_id, executor_id, effects);
        if let Some(executor) = self.executor_mut(framework_id, executor_id) {
            executor.hand_over_again(&known, effects);
        }
        self.send_queued_tasks(framework_id, executor_id, effects);
    }

    /// Makes the stream the executor's own; `None` if the executor is not to run.
    fn open_stream(
        &mut self,
        stream: StreamId,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) -> Option<()> {
        self.admitted_executor(framework_id, executor_id)?;
        let executor = self.frameworks.get_mut(framework_id)?.executors.get_mut(executor_id)?;
        if let Some(old) = executor.stream.replace(stream) {
            self.streams.remove(&old);
            self.timers.cancel(&Timer::Heartbeat(old));
            effects.push(Effect::CloseStream(old));
        }
        self.streams.insert(stream, (framework_id.clone(), executor_id.clone()));
        self.timers.set(Timer::Heartbeat(stream), self.now.time + HEARTBEAT_INTERVAL);
        self.timers.cancel(&Timer::ExecutorRegistration(executor.container.clone()));
        self.timers.cancel(&Timer::ExecutorReconnect(executor.container.clone()));
        executor.driver = None;
        executor.connected(Speaks::Http, effects);
        Some(())
    }

    /// An executor that may connect: it runs, and is to go on.
    pub(crate) fn admitted_executor(
        &self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) -> Option<&Executor> {
        let framework = self.frameworks.get(framework_id)?;
        let executor = framework.executors.get(executor_id)?;
        let ends = executor.state >= ExecutorState::Terminating;
        let is_refused =
            ends || framework.terminating || matches!(self.state, State::Terminating | State::Stopped);
        (!is_refused).then_some(executor)
    }

    /// How an executor stands, if it is known.
    pub(crate) fn executor_state(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<ExecutorState> {
        Some(self.frameworks.get(framework)?.executors.get(executor)?.state)
    }

    /// An executor, if it is known.
    pub(crate) fn executor_mut(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<&mut Executor> {
        self.frameworks.get_mut(framework)?.executors.get_mut(executor)
    }

    /// Drops the tasks that were handed over and never reached the executor; save those that it can be handed again.
    pub(crate) fn drop_tasks_unknown_to_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        known: &BTreeSet<TaskId>,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else { return };
        let Some(executor) = framework.executors.get(executor_id) else { return };
        let state = dropped_state(&framework.info);
        let staging = |task: &v1::Task| task.state() == v1::TaskState::TaskStaging;
        let lost: Vec<TaskId> = executor
            .launched
            .iter()
            .filter(|(id, task)| staging(task) && !known.contains(*id) && !executor.has_heard_nothing_of(id))
            .map(|(id, _)| id.clone())
            .collect();
        for task in lost {
            let status = AgentStatus {
                task,
                executor: Some(executor_id.clone()),
                state,
                reason: v1::task_status::Reason::AgentRestarted,
                message: "Task launched during agent restart".to_owned(),
                limited_resources: Vec::new(),
            };
            self.agent_update(framework_id, status, effects);
        }
    }

    /// Ends an executor whose tasks were all killed before it got any.
    pub(crate) fn shut_down_if_idle_from_the_start(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) -> bool {
        let framework = self.frameworks.get(framework_id);
        let executor = framework.and_then(|framework| framework.executors.get(executor_id));
        let idle = executor.is_some_and(|executor| !executor.was_sent_a_task && executor.queued.is_empty());
        if idle {
            self.shut_down_executor(framework_id, executor_id, effects);
        }
        idle
    }

    /// Tells the executor who it is.
    pub(crate) fn send_subscribed(
        &self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else { return };
        let Some(executor) = framework.executors.get(executor_id) else { return };
        let subscribed = v1::executor::event::Subscribed {
            executor_info: executor.info.clone(),
            framework_info: framework.info.clone(),
            agent_info: self.info.clone(),
            container_id: Some(executor.container.to_proto()),
        };
        let subscribed = v1::executor::Event { subscribed: Some(subscribed), ..event(Type::Subscribed) };
        executor.send(subscribed, effects);
    }

    /// Forgets the stream of an executor that went away. Its container says whether it is gone for good.
    pub(crate) fn stream_closed(&mut self, stream: StreamId) {
        let Some((framework, executor)) = self.streams.remove(&stream) else { return };
        self.timers.cancel(&Timer::Heartbeat(stream));
        if let Some(framework) = self.frameworks.get_mut(&framework)
            && let Some(executor) = framework.executors.get_mut(&executor)
        {
            executor.stream = None;
        }
    }
}
