//! Updates arrive in order and at least once: a scheduler that hears an update of an executor has heard all before it,
//! and in the end it has heard all of them, unless their agent died with them.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1::{self, TaskStatus};
use tepui_types::{FrameworkId, TaskId, Uuid};

use crate::queue::Life;

/// The updates of a task.
#[derive(Debug)]
struct Updates {
    /// The agent that keeps them.
    agent: (usize, Life),
    /// In the order in which the executor sent them.
    made: Vec<Uuid>,
}

/// All updates that executors ever made.
#[derive(Debug, Default)]
pub(crate) struct UpdatesArriveInOrder {
    tasks: BTreeMap<(FrameworkId, TaskId), Updates>,
    heard: BTreeSet<Uuid>,
    crashed: BTreeSet<(usize, Life)>,
    torn_down: BTreeSet<FrameworkId>,
}

impl UpdatesArriveInOrder {
    /// An agent gets an update from an executor. (One that its executor takes along was never promised.)
    pub(crate) fn made(&mut self, framework: &v1::FrameworkId, status: &TaskStatus, agent: (usize, Life)) {
        let Some(uuid) = status.uuid.as_deref().and_then(Uuid::from_slice) else { return };
        let task = TaskId::from(&status.task_id);
        let updates = self.tasks.entry((FrameworkId::from(framework), task.clone()));
        let updates = updates.or_insert_with(|| Updates { agent, made: Vec::new() });
        assert_eq!(updates.agent, agent, "{task} runs on one agent");
        updates.made.push(uuid);
    }

    pub(crate) fn agent_crashed(&mut self, agent: usize, life: Life) {
        self.crashed.insert((agent, life));
    }

    pub(crate) fn torn_down(&mut self, framework: &FrameworkId) {
        self.torn_down.insert(framework.clone());
    }

    pub(crate) fn received(&mut self, framework: &FrameworkId, status: &TaskStatus) {
        let Some(uuid) = status.uuid.as_deref().and_then(Uuid::from_slice) else { return };
        let id = TaskId::from(&status.task_id);
        self.heard.insert(uuid);
        let Some(updates) = self.tasks.get(&(framework.clone(), id.clone())) else { return };
        // The agent makes updates of its own, which are not in the list.
        let Some(place) = updates.made.iter().position(|made| *made == uuid) else { return };
        for earlier in &updates.made[..place] {
            assert!(self.heard.contains(earlier), "update {uuid} of {id} overtook {earlier}");
        }
    }

    /// In the end.
    pub(crate) fn settled(&self) {
        for ((framework, task), updates) in &self.tasks {
            if self.crashed.contains(&updates.agent) || self.torn_down.contains(framework) {
                continue;
            }
            for uuid in &updates.made {
                assert!(self.heard.contains(uuid), "update {uuid} of {task} never arrived");
            }
        }
    }
}
