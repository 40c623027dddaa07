//! What the end of a task's container means for the task.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use tepui_proto::v1::TaskState;
use tepui_proto::v1::agent::response::WaitContainer;
use tepui_proto::v1::task_status::Reason;

use super::child::{Child, Launch, MaxCompletion};
use crate::outcome::describe;

/// What the agent says of a container that was waited for.
#[derive(Clone, Debug)]
pub(super) enum Waited {
    /// It has ended.
    Ended(Box<WaitContainer>),
    /// It does not know it.
    NotFound,
    /// It cannot say at the moment.
    Unavailable,
    /// It refused to say.
    Refused(String),
}

/// The state, reason and message of the last update.
pub(super) type Ending = (TaskState, Option<Reason>, Option<String>);

/// The end of a container that the agent does not know: it was never launched, or is long forgotten.
pub(super) fn of_unknown(child: &Child) -> Ending {
    if child.kill.is_some() {
        return (TaskState::TaskKilled, None, None);
    }
    let message = match &child.launch {
        Launch::Failed(why) => why.clone(),
        Launch::Asked | Launch::Unknown | Launch::Launched => {
            "Unable to retrieve command's termination information".to_owned()
        }
    };
    (TaskState::TaskFailed, None, Some(message))
}

/// The end of a container that the agent has seen ending. It knows better than we do why, so its word goes before ours.
pub(super) fn of(child: &Child, waited: &WaitContainer) -> Ending {
    let (state, reason, message) = match waited.exit_status {
        None => {
            let message = match &child.launch {
                Launch::Failed(why) => why.clone(),
                Launch::Asked | Launch::Unknown | Launch::Launched => {
                    "Command terminated with unknown status".to_owned()
                }
            };
            (TaskState::TaskFailed, None, message)
        }
        Some(raw) => {
            let status = ExitStatus::from_raw(raw);
            let (state, reason) = if child.max_completion == MaxCompletion::Reached {
                (TaskState::TaskFailed, Some(Reason::MaxCompletionTimeReached))
            } else if child.kill.is_some() {
                (TaskState::TaskKilled, None)
            } else if status.success() {
                (TaskState::TaskFinished, None)
            } else {
                (TaskState::TaskFailed, None)
            };
            (state, reason, format!("Command {}", describe(status)))
        }
    };
    let message = match &waited.message {
        Some(more) => format!("{message}: {more}"),
        None => message,
    };
    let state = waited.state.and_then(|state| TaskState::try_from(state).ok()).unwrap_or(state);
    let told = waited.reason.and_then(|reason| Reason::try_from(reason).ok());
    (state, told.or(reason), Some(message))
}
