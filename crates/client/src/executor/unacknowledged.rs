//! What an agent may not know yet: tasks and updates, kept until it acknowledges them.

use tepui_proto::v1::executor::call;
use tepui_proto::{Raw, v1};

/// Tasks without an acknowledged update, and updates without acknowledgement, in their order.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    tasks: Vec<Raw<v1::TaskInfo>>,
    updates: Vec<call::Update>,
}

impl Unacknowledged {
    pub(super) fn launched(&mut self, task: Raw<v1::TaskInfo>) {
        if !self.tasks.iter().any(|known| known.task_id == task.task_id) {
            self.tasks.push(task);
        }
    }

    pub(super) fn updated(&mut self, update: call::Update) {
        self.updates.push(update);
    }

    /// The first acknowledgement of a task shows that the agent has the task, too.
    pub(super) fn acknowledged(&mut self, task_id: &v1::TaskId, uuid: &[u8]) {
        self.tasks.retain(|task| task.task_id != *task_id);
        self.updates.retain(|update| {
            update.status.task_id != *task_id || update.status.uuid.as_deref() != Some(uuid)
        });
    }

    pub(super) fn update_count(&self) -> usize {
        self.updates.len()
    }

    pub(super) fn to_subscribe(&self) -> call::Subscribe {
        call::Subscribe {
            unacknowledged_tasks: self.tasks.clone(),
            unacknowledged_updates: self.updates.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(value: &str) -> v1::TaskId {
        v1::TaskId { value: value.to_owned() }
    }

    fn update(task: &str, uuid: u8) -> call::Update {
        let status = v1::TaskStatus { task_id: id(task), uuid: Some(vec![uuid; 16]), ..Default::default() };
        call::Update { status }
    }

    fn show(unacknowledged: &Unacknowledged) -> String {
        let subscribe = unacknowledged.to_subscribe();
        let tasks = subscribe.unacknowledged_tasks.iter().map(|task| task.task_id.value.clone());
        let updates = subscribe.unacknowledged_updates.iter().map(|update| {
            format!("{}/{}", update.status.task_id.value, update.status.uuid.as_ref().unwrap()[0])
        });
        tasks.chain(updates).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_acknowledged_is_not_repeated_and_order_is_kept() {
        let mut unacknowledged = Unacknowledged::default();
        for task in ["a", "b", "a"] {
            let task = v1::TaskInfo { task_id: id(task), ..Default::default() };
            unacknowledged.launched(task.into());
        }
        for (task, uuid) in [("a", 1), ("b", 2), ("a", 3)] {
            unacknowledged.updated(update(task, uuid));
        }
        assert_eq!(show(&unacknowledged), "a b a/1 b/2 a/3");
        unacknowledged.acknowledged(&id("a"), &[1; 16]);
        assert_eq!(show(&unacknowledged), "b b/2 a/3");
        unacknowledged.acknowledged(&id("b"), &[9; 16]);
        assert_eq!(show(&unacknowledged), "b/2 a/3");
        unacknowledged.acknowledged(&id("a"), &[3; 16]);
        unacknowledged.acknowledged(&id("b"), &[2; 16]);
        assert_eq!(show(&unacknowledged), "");
        assert_eq!(unacknowledged.update_count(), 0);
    }
}
