//! What the end of the task's process means.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use tepui_linux::Signal;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;

/// Why the task is being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The framework or the agent wants it.
    Asked,
    /// Its health check has failed too often.
    Unhealthy,
    /// It has run for as long as it may.
    MaxCompletionTime,
}

/// The terminal state of a task whose process ended with `status`.
pub(crate) fn of(status: ExitStatus, killed: Option<Cause>) -> (TaskState, Option<Reason>, String) {
    let (state, reason) = match killed {
        Some(Cause::MaxCompletionTime) => (TaskState::TaskFailed, Some(Reason::MaxCompletionTimeReached)),
        Some(Cause::Asked | Cause::Unhealthy) => (TaskState::TaskKilled, None),
        None if status.success() => (TaskState::TaskFinished, None),
        None => (TaskState::TaskFailed, None),
    };
    (state, reason, format!("Command {}", describe(status)))
}

/// The words of Mesos, which clients show and match.
pub(crate) fn describe(status: ExitStatus) -> String {
    if let Some(code) = status.code() {
        return format!("exited with status {code}");
    }
    match status.signal() {
        Some(signal) => {
            let core = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("terminated with signal {}{core}", Signal::from_raw(signal))
        }
        None => format!("wait status {}", status.into_raw()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: i32, killed: Option<Cause>, expected: &str) {
        let (state, reason, message) = of(ExitStatus::from_raw(raw), killed);
        assert_eq!(format!("{} {reason:?} {message}", tepui_types::task_state_name(state)), expected);
    }

    #[test]
    fn ends_are_told_in_the_words_of_mesos() {
        check(0, None, "TASK_FINISHED None Command exited with status 0");
        check(3 << 8, None, "TASK_FAILED None Command exited with status 3");
        check(9, None, "TASK_FAILED None Command terminated with signal Killed");
        check(0x8b, None, "TASK_FAILED None Command terminated with signal Segmentation fault (core dumped)");
    }

    #[test]
    fn a_killed_task_is_killed_however_it_ended() {
        check(15, Some(Cause::Asked), "TASK_KILLED None Command terminated with signal Terminated");
        check(0, Some(Cause::Asked), "TASK_KILLED None Command exited with status 0");
        check(
            9,
            Some(Cause::MaxCompletionTime),
            "TASK_FAILED Some(MaxCompletionTimeReached) Command terminated with signal Killed",
        );
    }
}
