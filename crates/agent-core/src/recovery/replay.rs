//! Makes the agent's state of its records: the same steps as when they were made, with no effect on the world.

use tepui_proto::{Raw, internal, v1};
use tepui_types::{AgentId, FrameworkId, TaskId, Upid, Uuid, is_terminal};

use crate::agent::Agent;
use crate::change::{Change, ExecutorState, TaskPlace};
use crate::effect::Effects;
use crate::executor::Executor;
use crate::operation::Operation;
use crate::record::{Record, Run, Speaks};
use crate::sandbox;
use crate::status_update::Acknowledged;
use crate::timers::Timer;

impl Agent {
    /// Replays the records; only what readers see of it goes out.
    pub(super) fn replay_all(&mut self, records: Vec<Record>, effects: &mut Effects) {
        let mut quiet = Effects::default();
        for record in records {
            self.replay(record, &mut quiet);
            // What was counted then was not counted by us.
            let seen = quiet.changes.drain(..).filter(|change| !matches!(change, Change::Counted(_)));
            effects.changes.extend(seen);
            quiet.clear();
        }
        let limit = self.config.executor_registration_timeout;
        for (container, (framework, executor)) in &self.containers {
            let found = self.frameworks.get(framework).and_then(|found| found.executors.get(executor));
            if found.is_some_and(|executor| executor.state == ExecutorState::Registering) {
                self.timers.set(Timer::ExecutorRegistration(container.clone()), self.now.time + limit);
            }
        }
        let idle: Vec<FrameworkId> = self.frameworks.keys().cloned().collect();
        for framework in idle {
            self.remove_framework_if_idle(&framework, effects);
        }
    }

    fn replay(&mut self, record: Record, effects: &mut Effects) {
        match record {
            Record::Anew => {}
            Record::Agent(info) => self.replay_agent(*info, effects),
            Record::Resources(resources) => {
                self.checkpointed = resources;
                effects.change(Change::Checkpointed(self.checkpointed.clone()));
            }
            Record::Operation { entity, update } => self.replay_operation(*entity, *update),
            Record::OperationAcknowledged(uuid) => drop(self.operations.remove(&uuid)),
            Record::Drain(config) => self.drain = config,
            Record::Framework { info, pid } | Record::FrameworkWas { info, pid } => {
                self.replay_framework(*info, pid, effects);
            }
            Record::ExecutorWas { run, info, is_for_command, tasks } => {
                self.replay_executor(&run, *info, is_for_command, effects);
                self.replay_ended(&run, tasks, effects);
            }
            Record::FrameworkRemoved(id) => {
                if self.frameworks.get(&id).is_some_and(|framework| framework.executors.is_empty()) {
                    self.forget_updates_of(&id, effects);
                    self.complete_framework(&id, effects);
                }
            }
            Record::Executor { run, info, is_for_command } => {
                self.replay_executor(&run, *info, is_for_command, effects);
            }
            Record::Started { run, pid } => {
                if let Some(executor) = self.executor_of_run(&run) {
                    executor.pid = Some(pid);
                }
            }
            Record::Connected { run, speaks } => self.replay_connected(&run, speaks),
            Record::ExecutorRemoved(run) => self.replay_executor_removed(&run, effects),
            Record::Queued { run, tasks, is_group } => {
                if self.executor_of_run(&run).is_some() {
                    self.queue(&run.framework, &run.executor, &tasks, is_group, effects);
                }
            }
            Record::Launched { run, task } => {
                let Some(executor) = self.executor_of_run(&run) else { return };
                if let Some(lot) = executor.queued.take_lot_of(&task) {
                    executor.hand_over(&lot, effects);
                }
            }
            Record::Task { run, task } => self.replay_task(&run, *task, effects),
            Record::Update { run, update } => self.replay_update(&run, *update, effects),
            Record::Acknowledged { run, task, uuid } => {
                self.replay_acknowledged(&run, &task, uuid, effects);
            }
            Record::Stray(update) => drop(self.updates.accept(*update)),
            Record::StrayAcknowledged { framework, task, uuid } => {
                if self.updates.acknowledge(&framework, &task, uuid.as_bytes()) == Acknowledged::Unexpected {
                    self.updates.open(&framework, &task).remember(uuid);
                }
            }
            Record::StrayForgotten { framework, task } => self.updates.remove(&framework, &task),
        }
    }

    fn replay_agent(&mut self, info: v1::AgentInfo, effects: &mut Effects) {
        let Some(id) = info.id.as_ref().map(AgentId::from) else { return };
        effects.change(Change::AgentNamed(id.clone()));
        self.id = Some(id);
        self.recorded_info = Some(info);
    }

    fn replay_operation(&mut self, entity: v1::Operation, update: internal::UpdateOperationStatusMessage) {
        let Some(uuid) = Uuid::from_slice(&entity.uuid.value) else { return };
        self.operations.insert(uuid, Operation { entity, update, retry: std::time::Duration::ZERO });
    }

    fn replay_framework(&mut self, info: v1::FrameworkInfo, pid: Option<Upid>, effects: &mut Effects) {
        let Some(id) = info.id.as_ref().map(FrameworkId::from) else { return };
        if let Some(framework) = self.frameworks.get_mut(&id) {
            (framework.info, framework.pid) = (info, pid);
            framework.keep(effects);
        } else {
            self.ensure_framework(&id, &info, pid, effects);
        }
    }

    fn replay_executor(
        &mut self,
        run: &Run,
        info: Raw<v1::ExecutorInfo>,
        is_for_command: bool,
        effects: &mut Effects,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let Some(framework) = self.frameworks.get_mut(&run.framework) else { return };
        if framework.executors.contains_key(&run.executor) {
            return;
        }
        let directory = sandbox::run_directory(
            &self.config.work_dir,
            &agent,
            &run.framework,
            &run.executor,
            &run.container,
        );
        let executor = Executor::registering(run.clone(), agent, info, directory, (true, is_for_command));
        effects.change(Change::ExecutorAdded(Box::new(executor.entity())));
        framework.executors.insert(run.executor.clone(), executor);
        self.containers.insert(run.container.clone(), (run.framework.clone(), run.executor.clone()));
    }

    fn replay_connected(&mut self, run: &Run, speaks: Speaks) {
        if let Some(executor) = self.executor_of_run(run) {
            executor.speaks = Some(speaks);
        }
    }

    fn replay_executor_removed(&mut self, run: &Run, effects: &mut Effects) {
        let Some(executor) = self.executor_of_run(run) else { return };
        executor.state = ExecutorState::Terminated;
        self.containers.remove(&run.container);
        if let Some(framework) = self.frameworks.get(&run.framework) {
            let own = framework.tasks.iter().filter(|(_, owner)| **owner == run.executor);
            let tasks: Vec<TaskId> = own.map(|(task, _)| task.clone()).collect();
            for task in tasks {
                self.updates.remove(&run.framework, &task);
            }
        }
        self.complete_executor(&run.framework, &run.executor, effects);
    }

    /// An executor that was just made had ended, with these tasks.
    fn replay_ended(&mut self, run: &Run, tasks: Vec<v1::Task>, effects: &mut Effects) {
        let Some(executor) = self.executor_of_run(run) else { return };
        for task in tasks {
            let (executor_id, shown) = (run.executor.clone(), Box::new(task.clone()));
            let place = TaskPlace::Completed;
            effects.change(Change::TaskChanged { executor: executor_id, place, task: shown });
            executor.completed.push_back(task);
        }
        self.replay_executor_removed(run, effects);
    }

    fn replay_task(&mut self, run: &Run, task: v1::Task, effects: &mut Effects) {
        let id = TaskId::from(&task.task_id);
        let Some(executor) = self.executor_of_run(run) else { return };
        executor.was_sent_a_task = true;
        let is_over = is_terminal(task.state());
        let place = if is_over { TaskPlace::Completed } else { TaskPlace::Launched };
        let shown = Box::new(task.clone());
        effects.change(Change::TaskChanged { executor: run.executor.clone(), place, task: shown });
        if is_over {
            executor.completed.push_back(task);
            return;
        }
        executor.launched.insert(id.clone(), Box::new(task));
        if let Some(framework) = self.frameworks.get_mut(&run.framework) {
            framework.tasks.insert(id, run.executor.clone());
        }
    }

    fn replay_update(&mut self, run: &Run, update: internal::StatusUpdate, effects: &mut Effects) {
        let task = TaskId::from(&update.status.task_id);
        let Some(executor) = self.executor_of_run(run) else { return };
        if executor.set_status(&task, &update.status, effects) {
            self.updates.accept(update);
        }
    }

    fn replay_acknowledged(&mut self, run: &Run, task: &TaskId, uuid: Uuid, effects: &mut Effects) {
        if self.executor_of_run(run).is_none() {
            return;
        }
        match self.updates.acknowledge(&run.framework, task, uuid.as_bytes()) {
            Acknowledged::Continues => {}
            // A snapshot says only that it was acknowledged.
            Acknowledged::Unexpected => self.updates.open(&run.framework, task).remember(uuid),
            Acknowledged::Closed => {
                let Some(framework) = self.frameworks.get_mut(&run.framework) else { return };
                let Some(executor) = framework.executors.get_mut(&run.executor) else { return };
                executor.complete_task(task, effects);
                framework.tasks.remove(task);
            }
        }
    }

    /// The executor whose latest run this is.
    fn executor_of_run(&mut self, run: &Run) -> Option<&mut Executor> {
        let executor = self.executor_mut(&run.framework, &run.executor)?;
        (executor.container == run.container).then_some(executor)
    }
}
