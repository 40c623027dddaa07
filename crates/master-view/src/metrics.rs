//! The counters that a master keeps, and their names.

use std::collections::{BTreeMap, BTreeSet};

use tepui_master_core::Counter;
use tepui_proto::v1::offer::operation::Type;
use tepui_proto::v1::{OperationState, TaskState, task_status};
use tepui_types::Table;

/// The counters that are there from the start, at zero.
pub(crate) const COUNTERS: &[&str] = &[
    "master/dropped_messages",
    "master/http_cache_hits",
    "master/invalid_executor_to_framework_messages",
    "master/invalid_framework_to_executor_messages",
    "master/invalid_operation_status_update_acknowledgements",
    "master/invalid_operation_status_updates",
    "master/invalid_status_update_acknowledgements",
    "master/invalid_status_updates",
    "master/messages_authenticate",
    "master/messages_deactivate_framework",
    "master/messages_decline_offers",
    "master/messages_executor_to_framework",
    "master/messages_exited_executor",
    "master/messages_framework_to_executor",
    "master/messages_kill_task",
    "master/messages_launch_tasks",
    "master/messages_operation_status_update",
    "master/messages_operation_status_update_acknowledgement",
    "master/messages_reconcile_operations",
    "master/messages_reconcile_tasks",
    "master/messages_register_framework",
    "master/messages_register_slave",
    "master/messages_reregister_framework",
    "master/messages_reregister_slave",
    "master/messages_resource_request",
    "master/messages_revive_offers",
    "master/messages_status_update",
    "master/messages_status_update_acknowledgement",
    "master/messages_suppress_offers",
    "master/messages_unregister_framework",
    "master/messages_unregister_slave",
    "master/messages_update_slave",
    "master/recovery_slave_removals",
    "master/slave_registrations",
    "master/slave_removals",
    "master/slave_removals/reason_registered",
    "master/slave_removals/reason_unhealthy",
    "master/slave_removals/reason_unregistered",
    "master/slave_reregistrations",
    "master/slave_shutdowns_canceled",
    "master/slave_shutdowns_completed",
    "master/slave_shutdowns_scheduled",
    "master/slave_unreachable_canceled",
    "master/slave_unreachable_completed",
    "master/slave_unreachable_scheduled",
    "master/slow_frameworks/behind",
    "master/slow_frameworks/cut_off",
    "master/slow_frameworks/rescinded",
    "master/tasks_dropped",
    "master/tasks_error",
    "master/tasks_failed",
    "master/tasks_finished",
    "master/tasks_gone",
    "master/tasks_gone_by_operator",
    "master/tasks_killed",
    "master/tasks_lost",
    "master/valid_executor_to_framework_messages",
    "master/valid_framework_to_executor_messages",
    "master/valid_operation_status_update_acknowledgements",
    "master/valid_operation_status_updates",
    "master/valid_status_update_acknowledgements",
    "master/valid_status_updates",
];

/// The states of operations that are counted, and their sum.
pub(crate) const OPERATION_STATES: &[&str] = &[
    "dropped",
    "error",
    "failed",
    "finished",
    "gone_by_operator",
    "pending",
    "recovering",
    "total",
    "unreachable",
];

/// The operations whose states are counted each.
pub(crate) const OPERATION_TYPES: &[&str] = &[
    "create",
    "create_disk",
    "destroy",
    "destroy_disk",
    "grow_volume",
    "reserve",
    "shrink_volume",
    "unreserve",
];

/// What a master has counted so far.
#[derive(Debug)]
pub(crate) struct Counters {
    named: Table<&'static str, u64>,
    reasons: BTreeMap<String, u64>,
    operations: BTreeMap<String, i64>,
    /// Messages received and processed, by the principals of their frameworks.
    principals: BTreeMap<String, (u64, u64)>,
}

impl Counters {
    /// Nothing was counted yet.
    pub(crate) fn new() -> Self {
        Self {
            // Nobody else chooses the names, so that the seed may be any.
            named: Table::new(0),
            reasons: BTreeMap::new(),
            operations: BTreeMap::new(),
            principals: BTreeMap::new(),
        }
    }

    /// Raises a counter of the master's own.
    pub(crate) fn count(&mut self, counter: &Counter) {
        match counter {
            Counter::Named(name) => *self.named.get_or_default(name) += 1,
            Counter::TaskTerminal(state, source, reason) => self.count_terminal(*state, *source, *reason),
            Counter::OperationEntered(kind, state) => self.count_operation(*kind, *state, 1),
            Counter::OperationLeft(kind, state) => self.count_operation(*kind, *state, -1),
            Counter::Call(..)
            | Counter::Event(..)
            | Counter::Operation(..)
            | Counter::Offers(..)
            | Counter::MessageReceived(_)
            | Counter::MessageProcessed(_) => {}
        }
    }

    /// Raises a counter of a principal.
    pub(crate) fn count_message(&mut self, principal: String, counter: &Counter) {
        let (received, processed) = self.principals.entry(principal).or_default();
        *received += u64::from(matches!(counter, Counter::MessageReceived(_)));
        *processed += u64::from(matches!(counter, Counter::MessageProcessed(_)));
    }

    /// Forgets all other principals.
    pub(crate) fn keep_principals(&mut self, known: &BTreeSet<&str>) {
        self.principals.retain(|principal, _| known.contains(principal.as_str()));
    }

    /// How many messages a principal's frameworks sent, and how many of them were handled.
    pub(crate) fn messages_of(&self, principal: &str) -> (u64, u64) {
        self.principals.get(principal).copied().unwrap_or_default()
    }

    /// All that were counted, by their full names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let named = self.named.iter().map(|(name, value)| (*name, *value));
        named.chain(self.reasons.iter().map(|(name, value)| (name.as_str(), *value)))
    }

    /// The operations in each state, by full names. Those that ended stay counted.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, i64)> {
        self.operations.iter().map(|(name, value)| (name.as_str(), *value))
    }

    fn count_operation(&mut self, kind: Type, state: OperationState, change: i64) {
        let state = state.as_str_name().trim_start_matches("OPERATION_").to_lowercase();
        let kind = kind.as_str_name().to_lowercase();
        for state in ["total", &state].into_iter().filter(|state| OPERATION_STATES.contains(state)) {
            *self.operations.entry(format!("master/operations/{state}")).or_default() += change;
            if OPERATION_TYPES.contains(&kind.as_str()) {
                *self.operations.entry(format!("master/operations/{kind}/{state}")).or_default() += change;
            }
        }
    }

    fn count_terminal(
        &mut self,
        state: TaskState,
        source: Option<task_status::Source>,
        reason: Option<task_status::Reason>,
    ) {
        if let Some(name) = terminal_counter(state) {
            *self.named.get_or_default(name) += 1;
        }
        if let (Some(source), Some(reason)) = (source, reason) {
            let (state, source, reason) = (state.as_str_name(), source.as_str_name(), reason.as_str_name());
            // Compat: the metrics have v0's names, in which agents are slaves.
            let name = format!("master/{state}/{source}/{reason}").to_lowercase().replace("_agent", "_slave");
            *self.reasons.entry(name).or_default() += 1;
        }
    }
}

/// The counter of tasks that ended in this state.
fn terminal_counter(state: TaskState) -> Option<&'static str> {
    match state {
        TaskState::TaskFinished => Some("master/tasks_finished"),
        TaskState::TaskFailed => Some("master/tasks_failed"),
        TaskState::TaskKilled => Some("master/tasks_killed"),
        TaskState::TaskLost => Some("master/tasks_lost"),
        TaskState::TaskError => Some("master/tasks_error"),
        TaskState::TaskDropped => Some("master/tasks_dropped"),
        TaskState::TaskGone => Some("master/tasks_gone"),
        TaskState::TaskGoneByOperator => Some("master/tasks_gone_by_operator"),
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => None,
    }
}
