//! The streams of unacknowledged updates.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tepui_proto::internal::StatusUpdate;
use tepui_types::{FrameworkId, TaskId, Uuid, is_terminal};

/// Before the first repetition of an update.
pub(crate) const RETRY_INTERVAL_MIN: Duration = Duration::from_secs(10);

/// Between late repetitions of an update.
pub(crate) const RETRY_INTERVAL_MAX: Duration = Duration::from_mins(10);

/// Unacknowledged updates to keep of a task: an executor may send them faster than its scheduler answers.
const MAX_PENDING_UPDATES: usize = 1000;

/// Acknowledged updates whose repetition is recognized.
const MAX_REMEMBERED_UPDATES: usize = 1000;

/// The updates of one task.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pending: VecDeque<StatusUpdate>,
    acknowledged: VecDeque<Uuid>,
    /// What passes before the first pending update is forwarded once more.
    pub(crate) retry: Duration,
}

impl Stream {
    /// The update to forward.
    pub(crate) fn head(&self) -> Option<&StatusUpdate> {
        self.pending.front()
    }

    /// What is to be forwarded, the oldest first.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &StatusUpdate> {
        self.pending.iter()
    }

    /// What was acknowledged, the oldest first.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = &Uuid> {
        self.acknowledged.iter()
    }

    /// Remembers an update that was acknowledged.
    pub(crate) fn remember(&mut self, uuid: Uuid) {
        self.acknowledged.push_back(uuid);
        if self.acknowledged.len() > MAX_REMEMBERED_UPDATES {
            self.acknowledged.pop_front();
        }
    }

    /// Tells whether an update was received before.
    fn knows(&self, uuid: &Uuid) -> bool {
        let bytes = Some(uuid.as_bytes().as_slice());
        self.acknowledged.contains(uuid) || self.pending.iter().any(|update| update.uuid.as_deref() == bytes)
    }
}

/// What an update came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is the only pending one of its task.
    First,
    /// It waits behind others.
    Waits,
    /// There are too many.
    Full,
}

/// What an acknowledgement came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// It is not of the first pending update.
    Unexpected,
    /// The stream goes on.
    Continues,
    /// It was of the terminal update: the stream is closed.
    Closed,
}

/// All streams.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    streams: BTreeMap<(FrameworkId, TaskId), Stream>,
}

impl Streams {
    /// Tells whether an update was received before.
    pub(crate) fn knows(&self, framework: &FrameworkId, task: &TaskId, uuid: &Uuid) -> bool {
        self.get(framework, task).is_some_and(|stream| stream.knows(uuid))
    }

    /// Adds a new update.
    pub(crate) fn accept(&mut self, update: StatusUpdate) -> Accepted {
        let key = (FrameworkId::from(&update.framework_id), TaskId::from(&update.status.task_id));
        let stream = self.streams.entry(key).or_default();
        // A terminal update frees what the task held: it is never refused.
        if stream.pending.len() >= MAX_PENDING_UPDATES && !is_terminal(update.status.state()) {
            return Accepted::Full;
        }
        stream.pending.push_back(update);
        if stream.pending.len() == 1 { Accepted::First } else { Accepted::Waits }
    }

    /// Takes out the first pending update if it is this one.
    pub(crate) fn acknowledge(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        uuid: &[u8],
    ) -> Acknowledged {
        let key = (framework.clone(), task.clone());
        let Some(stream) = self.streams.get_mut(&key) else { return Acknowledged::Unexpected };
        if stream.head().is_none_or(|head| head.uuid.as_deref() != Some(uuid)) {
            return Acknowledged::Unexpected;
        }
        let Some(update) = stream.pending.pop_front() else { return Acknowledged::Unexpected };
        if is_terminal(update.status.state()) {
            self.streams.remove(&key);
            return Acknowledged::Closed;
        }
        if let Some(uuid) = Uuid::from_slice(uuid) {
            stream.remember(uuid);
        }
        Acknowledged::Continues
    }

    /// The stream of a task.
    pub(crate) fn get(&self, framework: &FrameworkId, task: &TaskId) -> Option<&Stream> {
        self.streams.get(&(framework.clone(), task.clone()))
    }

    /// The stream of a task.
    pub(crate) fn get_mut(&mut self, framework: &FrameworkId, task: &TaskId) -> Option<&mut Stream> {
        self.streams.get_mut(&(framework.clone(), task.clone()))
    }

    /// Tells whether an update that ends a task is on its way.
    pub(crate) fn tells_the_end_of(&self, framework: &FrameworkId, task: &TaskId) -> bool {
        let ends = |update: &StatusUpdate| is_terminal(update.status.state());
        self.get(framework, task).is_some_and(|stream| stream.pending.iter().any(ends))
    }

    /// The stream of a task, made if there is none.
    pub(crate) fn open(&mut self, framework: &FrameworkId, task: &TaskId) -> &mut Stream {
        self.streams.entry((framework.clone(), task.clone())).or_default()
    }

    /// Tells whether any update of a framework is pending.
    pub(crate) fn has_framework(&self, framework: &FrameworkId) -> bool {
        self.of(framework).any(|(_, stream)| !stream.pending.is_empty())
    }

    /// The tasks of a framework that have streams.
    pub(crate) fn tasks_of(&self, framework: &FrameworkId) -> Vec<TaskId> {
        self.of(framework).map(|((_, task), _)| task.clone()).collect()
    }

    /// How many tasks of a framework have streams.
    pub(crate) fn count_of(&self, framework: &FrameworkId) -> usize {
        self.of(framework).count()
    }

    /// The tasks that have pending updates.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &(FrameworkId, TaskId)> {
        self.streams.iter().filter(|(_, stream)| !stream.pending.is_empty()).map(|(key, _)| key)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&(FrameworkId, TaskId), &Stream)> {
        self.streams.iter()
    }

    /// Forgets the stream of a task.
    pub(crate) fn remove(&mut self, framework: &FrameworkId, task: &TaskId) {
        self.streams.remove(&(framework.clone(), task.clone()));
    }

    fn of(&self, framework: &FrameworkId) -> impl Iterator<Item = (&(FrameworkId, TaskId), &Stream)> {
        let start = (framework.clone(), TaskId::new(""));
        self.streams.range(start..).take_while(move |((owner, _), _)| owner == framework)
    }
}
