//! What the states of tasks and operations mean.

use tepui_proto::v1::{OperationState, TaskState};

/// Tells whether a task in this state has ended and holds no resources.
pub const fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}

/// The name of a state, such as `TASK_RUNNING`.
pub fn task_state_name(state: TaskState) -> &'static str {
    state.as_str_name()
}

/// Tells whether an operation in this state has ended.
pub const fn is_terminal_operation(state: OperationState) -> bool {
    match state {
        OperationState::OperationFinished
        | OperationState::OperationFailed
        | OperationState::OperationError
        | OperationState::OperationDropped
        | OperationState::OperationGoneByOperator => true,
        OperationState::OperationUnsupported
        | OperationState::OperationPending
        | OperationState::OperationUnreachable
        | OperationState::OperationRecovering
        | OperationState::OperationUnknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_task_may_come_back() {
        assert!(!is_terminal(TaskState::TaskUnreachable));
        assert!(is_terminal(TaskState::TaskLost));
        assert_eq!(task_state_name(TaskState::TaskGoneByOperator), "TASK_GONE_BY_OPERATOR");
        assert!(!is_terminal_operation(OperationState::OperationUnsupported));
        assert!(is_terminal_operation(OperationState::OperationDropped));
    }
}
