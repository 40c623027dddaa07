//! Runs the command of a check in a container within the task's: the agent makes it, and it sees what the task sees.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use http::StatusCode;
use tepui_client::CallError;
use tepui_client::operator::Operator;
use tepui_proto::v1::agent::{Call, call};
use tepui_proto::v1::{self};
use tepui_types::Uuid;
use tokio::sync::Mutex;
use tracing::debug;

use super::driver::Agent;

/// A task's container in which checks run.
#[derive(Debug)]
pub(crate) struct CheckContainer {
    agent: Agent,
    task: v1::ContainerId,
    /// The container of the last check. It is removed before the next one: its end must be known until then.
    previous: Mutex<Option<v1::ContainerId>>,
}

impl CheckContainer {
    pub(super) fn new(agent: Agent, task: v1::ContainerId) -> Self {
        Self { agent, task, previous: Mutex::new(None) }
    }

    /// Runs a command to its end. `None` if the agent was away meanwhile, which says nothing of the task. Cut off, the agent
    /// destroys the container, because the connection ends.
    pub(crate) async fn run(&self, command: &v1::CommandInfo) -> Option<Result<ExitStatus, String>> {
        let mut operator = self.agent.operator();
        let mut previous = self.previous.lock().await;
        if let Some(container_id) = previous.clone() {
            remove(&mut operator, container_id).await?;
            *previous = None;
        }
        let container_id = v1::ContainerId {
            value: format!("check-{}", Uuid::random(&mut fastrand::Rng::new())),
            parent: Some(Box::new(self.task.clone())),
        };
        *previous = Some(container_id.clone());
        let launch = call::LaunchNestedContainerSession {
            container_id: container_id.clone(),
            command: Some(command.clone()),
            container: None,
        };
        let launch = Call {
            r#type: Some(call::Type::LaunchNestedContainerSession.into()),
            launch_nested_container_session: Some(launch),
            ..Call::default()
        };
        if let Err(error) = operator.agent_session(&launch).await {
            *previous = None;
            return failure(&error);
        }
        let wait = Call {
            r#type: Some(call::Type::WaitContainer.into()),
            wait_container: Some(call::WaitContainer { container_id }),
            ..Call::default()
        };
        let response = match operator.agent(&wait).await {
            Ok(response) => response,
            Err(error) => return failure(&error),
        };
        let status = response.and_then(|response| response.wait_container?.exit_status);
        match status.map(ExitStatus::from_raw) {
            None => Some(Err("Unable to get the exit code".to_owned())),
            // Somebody else ended it: the task's end, or the agent.
            Some(status) if status.signal() == Some(9) => None,
            Some(status) => Some(Ok(status)),
        }
    }
}

/// Removes an ended container. `None` if that did not work.
async fn remove(operator: &mut Operator, container_id: v1::ContainerId) -> Option<()> {
    let remove = Call {
        r#type: Some(call::Type::RemoveContainer.into()),
        remove_container: Some(call::RemoveContainer { container_id }),
        ..Call::default()
    };
    match operator.agent(&remove).await {
        // One that is gone is what was wanted.
        Ok(_) | Err(CallError::Refused { status: StatusCode::NOT_FOUND, .. }) => Some(()),
        Err(error) => {
            debug!("failed to remove the container of a check: {error}");
            None
        }
    }
}

/// An agent that is away says nothing of the task; one that refuses will do so again.
fn failure(error: &CallError) -> Option<Result<ExitStatus, String>> {
    match error {
        CallError::Refused { status, message, .. } if *status != StatusCode::SERVICE_UNAVAILABLE => {
            Some(Err(format!("the agent refused to run the command: {status}: {message}")))
        }
        CallError::Refused { .. }
        | CallError::NotSubscribed
        | CallError::NoLeader(_)
        | CallError::Transport(_)
        | CallError::Answer { .. } => {
            debug!("failed to check: {error}");
            None
        }
    }
}
