//! What became of every task: pure book-keeping, which finds what must not be.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1::{TaskState, TaskStatus};
use tepui_types::is_terminal;

/// How a task should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Never: it runs as long as the cluster.
    Stays,
    /// With success.
    Finishes,
    /// With failure.
    Fails,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) agent: String,
    pub(crate) purpose: Purpose,
    /// Updates with a uuid, in the order of their first arrival.
    updates: Vec<(Vec<u8>, TaskState)>,
    /// Nobody knows it, and it never ran: its launch was lost.
    is_lost: bool,
    /// It was seen to run since all were last asked for.
    pub(crate) is_confirmed: bool,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    tasks: BTreeMap<String, Entry>,
    violations: Vec<String>,
    /// Updates that came again.
    pub(crate) repeated: u64,
}

impl Ledger {
    /// A task is about to be launched.
    pub(crate) fn launched(&mut self, task: &str, agent: &str, purpose: Purpose) {
        let entry = Entry {
            agent: agent.to_owned(),
            purpose,
            updates: Vec::new(),
            is_lost: false,
            is_confirmed: false,
        };
        self.tasks.insert(task.to_owned(), entry);
    }

    /// An update has come.
    pub(crate) fn updated(&mut self, status: &TaskStatus) {
        let task = &status.task_id.value;
        let state = status.state();
        let Some(entry) = self.tasks.get_mut(task) else {
            return self.violated(format!("update {state:?} of `{task}`, which was never launched"));
        };
        let outcome = match &status.uuid {
            Some(uuid) => entry.reported(uuid, state),
            None => entry.told(state).map(|()| false),
        };
        match outcome {
            Ok(is_repeated) => self.repeated += u64::from(is_repeated),
            Err(wrong) => {
                let message = status.message().to_owned();
                self.violated(format!("task `{task}`: {wrong} ({message})"));
            }
        }
    }

    /// Something is wrong that only others can see.
    pub(crate) fn violated(&mut self, wrong: String) {
        self.violations.push(wrong);
    }

    /// What is wrong.
    pub(crate) fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Wants to see every task that stays again.
    pub(crate) fn ask_again(&mut self) {
        for entry in self.tasks.values_mut() {
            entry.is_confirmed = false;
        }
    }

    /// The tasks whose state is not known for certain, with their agents.
    pub(crate) fn open(&self) -> Vec<(String, String)> {
        let open = self.tasks.iter().filter(|(_, entry)| !entry.is_settled());
        open.map(|(task, entry)| (task.clone(), entry.agent.clone())).collect()
    }

    /// How many tasks are to end and have not.
    pub(crate) fn underway(&self) -> usize {
        let underway = |entry: &&Entry| entry.purpose != Purpose::Stays && !entry.is_settled();
        self.tasks.values().filter(underway).count()
    }

    /// The agents that have a task which stays.
    pub(crate) fn agents_with_stay(&self) -> BTreeSet<&str> {
        let stays = |entry: &&Entry| entry.purpose == Purpose::Stays && !entry.is_lost;
        self.tasks.values().filter(stays).map(|entry| entry.agent.as_str()).collect()
    }

    /// The tasks that stay, with their agents.
    pub(crate) fn stays(&self) -> impl Iterator<Item = (&str, &str)> {
        let stays = |entry: &Entry| entry.purpose == Purpose::Stays && !entry.is_lost;
        self.tasks
            .iter()
            .filter(move |(_, entry)| stays(entry))
            .map(|(task, entry)| (task.as_str(), entry.agent.as_str()))
    }

    /// How many tasks of this agent ended as they should.
    pub(crate) fn ended_on(&self, agent: &str) -> usize {
        self.tasks.values().filter(|entry| entry.agent == agent && entry.end().is_some()).count()
    }

    /// How often each task may have started and ended by the lines that it leaves, as far as it is settled.
    pub(crate) fn expected_lines(&self) -> impl Iterator<Item = (&str, &'static [(usize, usize)])> {
        let settled = self.tasks.iter().filter(|(_, entry)| entry.is_settled());
        settled.map(|(task, entry)| (task.as_str(), entry.expected_lines()))
    }

    /// How many tasks there were, and how many of their launches were lost.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.tasks.len(), self.tasks.values().filter(|entry| entry.is_lost).count())
    }
}

impl Entry {
    fn last(&self) -> Option<TaskState> {
        self.updates.last().map(|(_, state)| *state)
    }

    fn end(&self) -> Option<TaskState> {
        self.last().filter(|state| is_terminal(*state))
    }

    fn is_settled(&self) -> bool {
        self.is_lost || if self.purpose == Purpose::Stays { self.is_confirmed } else { self.end().is_some() }
    }

    /// Pairs of how often it started and ended.
    fn expected_lines(&self) -> &'static [(usize, usize)] {
        match self.end() {
            _ if self.is_lost => &[(0, 0)],
            None => &[(1, 0)],
            // It may have ended before it ran.
            Some(TaskState::TaskFailed) if self.updates.len() == 1 => &[(0, 0), (1, 1)],
            Some(_) => &[(1, 1)],
        }
    }

    /// An executor or an agent reports; whether it did so before.
    fn reported(&mut self, uuid: &[u8], state: TaskState) -> Result<bool, String> {
        if let Some(position) = self.updates.iter().position(|(known, _)| known == uuid) {
            if position + 1 == self.updates.len() {
                return Ok(true);
            }
            return Err(format!("{state:?} was repeated after {:?}", self.last()));
        }
        if self.is_lost {
            // An agent that was killed before it was acknowledged tells once more, in its next life, as Mesos' do.
            return if is_never_started(state) {
                Ok(true)
            } else {
                Err(format!("{state:?} of a task that nobody knew"))
            };
        }
        if let Some(last) = self.last()
            && rank(state) <= rank(last)
        {
            return Err(format!("{state:?} follows {last:?}"));
        }
        self.updates.push((uuid.to_owned(), state));
        let expected = match self.purpose {
            Purpose::Stays => None,
            Purpose::Finishes => Some(TaskState::TaskFinished),
            Purpose::Fails => Some(TaskState::TaskFailed),
        };
        if is_terminal(state) && Some(state) != expected {
            // An agent may report that a launch never came to anything: it may have been killed before.
            if is_never_started(state) && self.updates.len() == 1 {
                self.is_lost = true;
                return Ok(false);
            }
            return Err(format!("ended as {state:?} and not as {expected:?}"));
        }
        self.is_confirmed |= state == TaskState::TaskRunning;
        Ok(false)
    }

    /// The master tells, of its own accord or because it was asked.
    fn told(&mut self, state: TaskState) -> Result<(), String> {
        let is_unknown = matches!(
            state,
            TaskState::TaskUnknown | TaskState::TaskGone | TaskState::TaskDropped | TaskState::TaskLost
        );
        if state == TaskState::TaskUnreachable {
            return Ok(());
        }
        match (self.last(), is_unknown) {
            (None, true) => self.is_lost = true,
            // The master forgets a task once its end is acknowledged.
            (Some(last), true) if is_terminal(last) => {}
            (Some(last), true) => return Err(format!("{state:?}, and it was {last:?}")),
            (Some(last), false) if is_terminal(last) && !is_terminal(state) => {
                return Err(format!("{state:?}, and it was {last:?}"));
            }
            (_, false) if self.is_lost => return Err(format!("{state:?} of a task that nobody knew")),
            (_, false) => self.is_confirmed |= state == TaskState::TaskRunning,
        }
        Ok(())
    }
}

/// Whether this may be the end of a task that never ran.
fn is_never_started(state: TaskState) -> bool {
    matches!(state, TaskState::TaskDropped | TaskState::TaskLost | TaskState::TaskFailed)
}

/// States only grow.
fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::TaskStaging => 0,
        TaskState::TaskStarting => 1,
        TaskState::TaskRunning => 2,
        TaskState::TaskKilling => 3,
        TaskState::TaskUnreachable | TaskState::TaskUnknown => 4,
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tepui_proto::v1::TaskId;

    /// Plays `<state> [<uuid>]` lines of one task; what is wrong, if anything.
    fn check(purpose: Purpose, script: &str, expected: &str) {
        let mut ledger = Ledger::default();
        ledger.launched("t", "a", purpose);
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (state, uuid) =
                line.split_once(' ').map_or((line, None), |(state, uuid)| (state, Some(uuid)));
            ledger.updated(&TaskStatus {
                task_id: TaskId { value: "t".into() },
                state: TaskState::from_str_name(&format!("TASK_{state}")).unwrap().into(),
                uuid: uuid.map(|uuid| uuid.as_bytes().to_vec()),
                ..Default::default()
            });
        }
        let found = ledger.violations().first().cloned().unwrap_or_else(|| {
            if ledger.open().is_empty() { "settled".to_owned() } else { "open".to_owned() }
        });
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn updates_arrive_in_order_and_may_be_repeated() {
        check(Purpose::Finishes, "STARTING 1\nRUNNING 2\nRUNNING 2\nFINISHED 3\nFINISHED 3", "settled");
        check(Purpose::Finishes, "STARTING 1\nRUNNING 2", "open");
        check(Purpose::Fails, "RUNNING 1\nFAILED 2\nUNKNOWN", "settled");
        check(Purpose::Finishes, "STARTING 1\nRUNNING 2\nSTARTING 1", "was repeated after");
        check(Purpose::Finishes, "RUNNING 2\nSTARTING 1", "TaskStarting follows TaskRunning");
        check(Purpose::Finishes, "RUNNING 1\nFINISHED 2\nFINISHED 3", "TaskFinished follows");
    }

    #[test]
    fn a_task_ends_as_it_should() {
        check(Purpose::Finishes, "RUNNING 1\nFAILED 2", "ended as TaskFailed");
        // As when its agent was killed before it ran; the lines that it leaves tell.
        check(Purpose::Finishes, "FAILED 1", "settled");
        check(Purpose::Stays, "RUNNING 1\nKILLED 2", "ended as TaskKilled");
        check(Purpose::Stays, "RUNNING 1\nUNREACHABLE\nRUNNING", "settled");
        check(Purpose::Stays, "RUNNING 1\nUNKNOWN", "TaskUnknown, and it was");
        check(Purpose::Finishes, "RUNNING 1\nFINISHED 2\nRUNNING", "TaskRunning, and it was");
    }

    #[test]
    fn a_lost_launch_stays_lost() {
        check(Purpose::Finishes, "UNKNOWN", "settled");
        check(Purpose::Finishes, "DROPPED 1", "settled");
        check(Purpose::Finishes, "UNKNOWN\nRUNNING 1", "that nobody knew");
        check(Purpose::Finishes, "DROPPED 1\nDROPPED 2", "settled");
        check(Purpose::Finishes, "FAILED 1\nRUNNING 2", "that nobody knew");
        check(Purpose::Stays, "GONE\nRUNNING", "that nobody knew");
    }
}
