//! The executor that is made up for a task that only has a command.

use std::time::Duration;

use tepui_proto::{Raw, v1};
use tepui_types::{duration_from_proto, duration_to_proto};

use crate::config::Config;

/// What it uses on top of its task: accounted here only, the master does not know of it.
const CPUS: f64 = 0.1;
const MEM_MB: f64 = 32.0;

/// What it needs on top of its task's kill grace: Mesos' longest time to notice a dead process, and a second.
const GRACE_MARGIN: Duration = Duration::from_secs(2);

/// Longest command that its name shows whole, and what is left of a longer one.
const SHOWN_BYTES: usize = 15;
const CUT_BYTES: usize = 12;

/// Makes the executor of a task with a command.
#[expect(deprecated, reason = "readers of `/state` find `source` there")]
pub(crate) fn command_executor(
    config: &Config,
    framework: &v1::FrameworkInfo,
    task: &v1::TaskInfo,
    command: &v1::CommandInfo,
) -> Raw<v1::ExecutorInfo> {
    let grace = task.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: task.task_id.value.clone() },
        framework_id: framework.id.clone(),
        container: task.container.clone(),
        name: Some(format!("Command Executor (Task: {}) (Command: {})", task.task_id.value, shown(command))),
        source: Some(task.task_id.value.clone()),
        command: Some(v1::CommandInfo {
            uris: command.uris.clone(),
            environment: command.environment.clone(),
            user: command.user.clone(),
            ..config.command_executor.clone()
        }),
        labels: task.labels.clone(),
        discovery: task.discovery.as_deref().cloned(),
        shutdown_grace_period: grace
            .map(|grace| duration_to_proto(duration_from_proto(grace).saturating_add(GRACE_MARGIN))),
        resources: overhead(task),
        ..v1::ExecutorInfo::default()
    }
    .into()
}

/// Its own resources, allocated to the role of the task's.
fn overhead(task: &v1::TaskInfo) -> Vec<v1::Resource> {
    let allocation = task.resources.iter().find_map(|resource| resource.allocation_info.clone());
    let scalar = |name: &str, value| v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        allocation_info: allocation.clone(),
        ..v1::Resource::default()
    };
    vec![scalar("cpus", CPUS), scalar("mem", MEM_MB)]
}

/// The command as the executor's name shows it.
fn shown(command: &v1::CommandInfo) -> String {
    match (command.shell(), &command.value) {
        (true, None) => "NO COMMAND".to_owned(),
        (true, Some(value)) => format!("sh -c '{}'", cut(value)),
        (false, None) => "NO EXECUTABLE".to_owned(),
        (false, Some(value)) => format!("[{}]", cut(&format!("{value}, {}", command.arguments.join(", ")))),
    }
}

/// Shortens a command; never inside a character.
fn cut(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(CUT_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_shows_the_command_as_mesos_does() {
        let shell =
            |value: &str| v1::CommandInfo { value: Some(value.to_owned()), ..v1::CommandInfo::default() };
        let exec = |value: &str, arguments: &[&str]| v1::CommandInfo {
            shell: Some(false),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            ..shell(value)
        };
        assert_eq!(shown(&shell("sleep 0.2")), "sh -c 'sleep 0.2'");
        assert_eq!(shown(&shell("123456789012345")), "sh -c '123456789012345'");
        assert_eq!(shown(&shell("1234567890123456")), "sh -c '123456789012...'");
        assert_eq!(shown(&shell("12345678901é3456")), "sh -c '12345678901...'");
        assert_eq!(shown(&exec("/bin/echo", &["/bin/echo", "x"])), "[/bin/echo, /...]");
        assert_eq!(shown(&exec("sleep 2", &[])), "[sleep 2, ]");
        assert_eq!(shown(&v1::CommandInfo::default()), "NO COMMAND");
        assert_eq!(
            shown(&v1::CommandInfo { shell: Some(false), ..v1::CommandInfo::default() }),
            "NO EXECUTABLE"
        );
    }
}
