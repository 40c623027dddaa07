//! What a status update means, in words.

use tepui_proto::v1;
use tepui_proto::v1::check_info::Type;
use tepui_proto::v1::task_status::Reason;
use tepui_types::{Resources, task_state_name};

/// What an update says that is news: a change of health, of a check, or of the state.
pub(crate) fn news(status: &v1::TaskStatus) -> String {
    let task = &status.task_id.value;
    let is = |reason: Reason| status.reason == Some(reason.into());
    if is(Reason::TaskHealthCheckStatusUpdated) {
        let healthy = if status.healthy() { "healthy" } else { "not healthy" };
        return format!("task `{task}` is {healthy}");
    }
    if is(Reason::TaskCheckStatusUpdated) {
        return format!("the check of task `{task}` {}", check(status.check_status.as_ref()));
    }
    let message = status.message();
    let said = if message.is_empty() { String::new() } else { format!(": {message}") };
    format!("task `{task}` is {}{said}", task_state_name(status.state()))
}

fn check(status: Option<&v1::CheckStatusInfo>) -> String {
    let Some(status) = status else { return "could not be made".to_owned() };
    let found = match status.r#type() {
        Type::Command => status
            .command
            .as_ref()
            .and_then(|command| command.exit_code)
            .map(|code| format!("exited with status {code}")),
        Type::Http => status
            .http
            .as_ref()
            .and_then(|http| http.status_code)
            .map(|code| format!("received HTTP status {code}")),
        Type::Tcp => status
            .tcp
            .as_ref()
            .and_then(|tcp| tcp.succeeded)
            .map(|succeeded| if succeeded { "could connect" } else { "could not connect" }.to_owned()),
        Type::Unknown => None,
    };
    found.unwrap_or_else(|| "could not be made".to_owned())
}

/// Why a task ended badly, in one line: the last that its user sees.
pub(crate) fn ending(status: &v1::TaskStatus) -> String {
    let task = &status.task_id.value;
    let detail = status.message().lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    let limit = limit(status).map(|limit| format!(" of {limit}")).unwrap_or_default();
    let known = [
        (
            Reason::ContainerLimitationMemory,
            format!("was killed because it used more memory than its limit{limit}"),
        ),
        (
            Reason::ContainerLimitationDisk,
            format!("was killed because it used more disk than its limit{limit}"),
        ),
        (Reason::ContainerLimitation, format!("was killed because it broke a limit{limit}")),
        (Reason::MaxCompletionTimeReached, "was killed because it took too long".to_owned()),
        (Reason::ContainerLaunchFailed, "could not be started".to_owned()),
    ];
    let what = known.into_iter().find(|(reason, _)| status.reason == Some(i32::from(*reason)));
    match what {
        Some((_, what)) => format!("task `{task}` {what}{detail}"),
        None if status.healthy == Some(false) => {
            format!("task `{task}` was killed because it was not healthy{detail}")
        }
        None => format!("task `{task}` ended in state {}{detail}", task_state_name(status.state())),
    }
}

fn limit(status: &v1::TaskStatus) -> Option<String> {
    let resources = Resources::from_protos(&status.limitation.as_ref()?.resources).ok()?;
    let shown = resources.to_unreserved().to_string();
    (!shown.is_empty()).then(|| format!("`{shown}`"))
}

#[cfg(test)]
mod tests {
    use tepui_types::DEFAULT_ROLE;

    use super::*;

    fn status(state: v1::TaskState, message: &str) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: v1::TaskId { value: "t".into() },
            state: state.into(),
            message: (!message.is_empty()).then(|| message.to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn a_broken_memory_limit_explains_itself() {
        let limitation = Resources::parse("mem:64", DEFAULT_ROLE).unwrap().to_protos();
        let status = v1::TaskStatus {
            reason: Some(Reason::ContainerLimitationMemory.into()),
            limitation: Some(v1::TaskResourceLimitation { resources: limitation }),
            ..status(
                v1::TaskState::TaskFailed,
                "\nMemory limit exceeded: Requested: 64MB\n\nMEMORY STATISTICS: x",
            )
        };
        assert_eq!(
            ending(&status),
            "task `t` was killed because it used more memory than its limit of `mem:64`: Memory limit exceeded: \
             Requested: 64MB"
        );
    }

    #[test]
    fn other_ends_are_told() {
        let failed = status(v1::TaskState::TaskFailed, "Command exited with status 3");
        assert_eq!(ending(&failed), "task `t` ended in state TASK_FAILED: Command exited with status 3");
        let unhealthy = v1::TaskStatus { healthy: Some(false), ..status(v1::TaskState::TaskKilled, "") };
        assert_eq!(ending(&unhealthy), "task `t` was killed because it was not healthy");
    }

    #[test]
    fn health_and_checks_are_news() {
        let healthy = v1::TaskStatus {
            reason: Some(Reason::TaskHealthCheckStatusUpdated.into()),
            healthy: Some(true),
            ..status(v1::TaskState::TaskRunning, "")
        };
        assert_eq!(news(&healthy), "task `t` is healthy");
        let tcp = v1::check_status_info::Tcp { succeeded: Some(false) };
        let checked = v1::TaskStatus {
            reason: Some(Reason::TaskCheckStatusUpdated.into()),
            check_status: Some(v1::CheckStatusInfo {
                r#type: Some(Type::Tcp.into()),
                tcp: Some(tcp),
                ..Default::default()
            }),
            ..status(v1::TaskState::TaskRunning, "")
        };
        assert_eq!(news(&checked), "the check of task `t` could not connect");
        assert_eq!(news(&status(v1::TaskState::TaskStarting, "")), "task `t` is TASK_STARTING");
    }
}
