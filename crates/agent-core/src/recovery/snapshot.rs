//! The shortest list of records that makes the agent as it is.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1;
use tepui_types::TaskId;

use crate::agent::Agent;
use crate::executor::Executor;
use crate::framework::Framework;
use crate::record::Record;

impl Agent {
    /// What a journal may hold in place of all records so far.
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records = Vec::new();
        if !self.checkpointed.is_empty() {
            records.push(Record::Resources(self.checkpointed.clone()));
        }
        if let Some(info) = &self.recorded_info {
            records.push(Record::Agent(Box::new(info.clone())));
        }
        records.extend(self.operations.values().map(|operation| Record::Operation {
            entity: Box::new(operation.entity.clone()),
            update: Box::new(operation.update.clone()),
        }));
        if self.drain.is_some() {
            records.push(Record::Drain(self.drain));
        }
        for framework in self.completed_frameworks.iter().filter(|framework| framework.checkpoint()) {
            let (info, pid) = (Box::new(framework.info.clone()), framework.pid.clone());
            records.push(Record::FrameworkWas { info, pid });
            records.extend(ended_executors(framework));
            records.push(Record::FrameworkRemoved(framework.id.clone()));
        }
        // One without executors is here for what was said of tasks that are not.
        let is_kept = |framework: &&Framework| framework.checkpoint();
        for framework in self.frameworks.values().filter(is_kept) {
            let (info, pid) = (Box::new(framework.info.clone()), framework.pid.clone());
            records.push(Record::Framework { info, pid });
            records.extend(ended_executors(framework));
            for executor in framework.executors.values().filter(|executor| executor.checkpoint) {
                self.add_executor_to(&mut records, framework, executor);
            }
        }
        self.add_strays_to(&mut records);
        records
    }

    /// Adds what was said of tasks that no executor here has.
    fn add_strays_to(&self, records: &mut Vec<Record>) {
        for ((framework, task), stream) in self.updates.all() {
            if self.executor_with(framework, task).is_some() {
                continue;
            }
            records.extend(stream.acknowledged().map(|uuid| Record::StrayAcknowledged {
                framework: framework.clone(),
                task: task.clone(),
                uuid: *uuid,
            }));
            records.extend(stream.pending().map(|update| Record::Stray(Box::new(update.clone()))));
        }
    }

    fn add_executor_to(&self, records: &mut Vec<Record>, framework: &Framework, executor: &Executor) {
        let run = executor.run();
        let (info, is_for_command) = (Box::new(executor.info.clone()), executor.is_for_command);
        records.push(Record::Executor { run: run.clone(), info, is_for_command });
        records.extend(executor.pid.map(|pid| Record::Started { run: run.clone(), pid }));
        records.extend(executor.speaks.clone().map(|speaks| Record::Connected { run: run.clone(), speaks }));
        for task in &executor.completed {
            records.push(Record::Task { run: run.clone(), task: Box::new(without_forwarding(task)) });
        }
        for lot in &executor.unheard {
            let (tasks, is_group) = (lot.tasks.clone(), lot.is_group);
            records.push(Record::Queued { run: run.clone(), tasks, is_group });
            records.extend(lot.task_ids().map(|task| Record::Launched { run: run.clone(), task }));
        }
        let heard = executor.launched.iter().filter(|(id, _)| !executor.has_heard_nothing_of(id));
        for (id, task) in heard.chain(&executor.terminated) {
            self.add_task_to(records, framework, executor, id, task);
        }
        for lot in executor.queued.lots() {
            let (tasks, is_group) = (lot.tasks.clone(), lot.is_group);
            records.push(Record::Queued { run: run.clone(), tasks, is_group });
        }
    }

    /// Adds a task as it stood before its pending updates, and these.
    fn add_task_to(
        &self,
        records: &mut Vec<Record>,
        framework: &Framework,
        executor: &Executor,
        id: &TaskId,
        task: &v1::Task,
    ) {
        let run = executor.run();
        let stream = self.updates.get(&framework.id, id);
        let pending: BTreeSet<&[u8]> = stream
            .into_iter()
            .flat_map(crate::status_update::Stream::pending)
            .filter_map(|update| update.uuid.as_deref())
            .collect();
        let mut before = without_forwarding(task);
        before.statuses.retain(|status| !status.uuid.as_deref().is_some_and(|uuid| pending.contains(uuid)));
        let state = before.statuses.last().map_or(v1::TaskState::TaskStaging.into(), |last| last.state);
        before.state = state;
        records.push(Record::Task { run: run.clone(), task: Box::new(before) });
        let Some(stream) = stream else { return };
        records.extend(stream.acknowledged().map(|uuid| Record::Acknowledged {
            run: run.clone(),
            task: id.clone(),
            uuid: *uuid,
        }));
        records.extend(
            stream
                .pending()
                .map(|update| Record::Update { run: run.clone(), update: Box::new(update.clone()) }),
        );
    }
}

/// What is still shown of a framework's executors that are gone.
fn ended_executors(framework: &Framework) -> impl Iterator<Item = Record> {
    framework.completed_executors.iter().filter(|executor| executor.checkpoint).map(|executor| {
        // Those that did not end by themselves went with their executor, in whatever state.
        let last: BTreeMap<_, _> = executor.launched.iter().chain(&executor.terminated).collect();
        let tasks = executor.completed.iter().chain(last.into_values().map(Box::as_ref));
        Record::ExecutorWas {
            run: executor.run(),
            info: Box::new(executor.info.clone()),
            is_for_command: executor.is_for_command,
            tasks: tasks.map(without_forwarding).collect(),
        }
    })
}

/// A task without what is known of the update that was forwarded last: after a restart it is forwarded anew.
fn without_forwarding(task: &v1::Task) -> v1::Task {
    v1::Task { status_update_state: None, status_update_uuid: None, ..task.clone() }
}
