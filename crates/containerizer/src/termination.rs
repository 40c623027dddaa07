//! How a nested container ended, kept for whoever asks after a restart of the agent; in Mesos' form.

use std::io;
use std::path::Path;

use prost::Message;
use tepui_proto::v1;

use crate::Termination;
use crate::isolator::Limitation;
use crate::runtime::write_whole;

const FILE: &str = "termination";

/// Mesos' `ContainerTermination`.
#[derive(Clone, PartialEq, Message)]
struct Kept {
    #[prost(string, optional, tag = "2")]
    message: Option<String>,
    #[prost(int32, optional, tag = "3")]
    status: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    state: Option<i32>,
    #[prost(int32, optional, tag = "5")]
    reason: Option<i32>,
    #[prost(message, repeated, tag = "6")]
    limited_resources: Vec<v1::Resource>,
}

/// The termination of a container whose first process ended so, and which reached this limit.
pub(crate) fn of(status: Option<i32>, limitation: Option<Limitation>) -> Termination {
    match limitation {
        None => Termination { status, ..Termination::default() },
        Some(Limitation { resources, message, reason }) => Termination {
            status,
            state: Some(v1::TaskState::TaskFailed),
            reason: Some(reason),
            message: Some(message),
            limited_resources: resources,
        },
    }
}

/// Writes it into the container's runtime folder.
pub(crate) fn keep(folder: &Path, termination: &Termination) -> io::Result<()> {
    let Termination { status, state, reason, message, limited_resources } = termination.clone();
    let kept = Kept {
        message,
        status,
        state: state.map(Into::into),
        reason: reason.map(Into::into),
        limited_resources,
    };
    write_whole(&folder.join(FILE), &kept.encode_to_vec())
}

/// Reads it; `None` if the container has not ended.
pub(crate) fn read(folder: &Path) -> Option<Termination> {
    let kept = Kept::decode(std::fs::read(folder.join(FILE)).ok()?.as_slice()).ok()?;
    Some(Termination {
        status: kept.status,
        state: kept.state.and_then(|state| state.try_into().ok()),
        reason: kept.reason.and_then(|reason| reason.try_into().ok()),
        message: kept.message,
        limited_resources: kept.limited_resources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_termination_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        let termination = Termination {
            status: Some(9),
            state: Some(v1::TaskState::TaskFailed),
            reason: Some(v1::task_status::Reason::ContainerLimitationMemory),
            message: Some("m".to_owned()),
            limited_resources: Vec::new(),
        };
        keep(folder.path(), &termination).unwrap();
        assert_eq!(read(folder.path()), Some(termination));
    }
}
