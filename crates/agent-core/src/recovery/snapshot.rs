//! The shortest list of records that makes the agent as it is.

use std::collections::BTreeSet;

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
        // One without executors is known by the updates that were not recorded, so it ends with us.
        let is_kept = |framework: &&Framework| framework.checkpoint() && !framework.executors.is_empty();
        for framework in self.frameworks.values().filter(is_kept) {
            let (info, pid) = (Box::new(framework.info.clone()), framework.pid.clone());
            records.push(Record::Framework { info, pid });
            for executor in framework.executors.values().filter(|executor| executor.checkpoint) {
                self.add_executor_to(&mut records, framework, executor);
            }
        }
        records
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
        for (id, task) in executor.launched.iter().chain(&executor.terminated) {
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

/// A task without what is known of the update that was forwarded last: after a restart it is forwarded anew.
fn without_forwarding(task: &v1::Task) -> v1::Task {
    v1::Task { status_update_state: None, status_update_uuid: None, ..task.clone() }
}
