//! Starting the task's process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use tepui_linux::{Output, Process, Signal, Spawn};
use tepui_proto::v1;
use tepui_proto::v1::environment::variable;

/// An environment.
pub(super) type Variables = BTreeMap<OsString, OsString>;

/// A task that this executor cannot run.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("Failed to launch the task: it has no command")]
    NoCommand,
    #[error("Failed to launch the task: this executor does not support `{0}` of `TaskInfo` yet")]
    Unsupported(&'static str),
    #[error("Failed to execute `{program}`: {source}")]
    Spawn { program: String, source: io::Error },
}

/// Starts the process in a session of its own. It must not outlive the executor, which alone knows of its task.
pub(super) fn launch(
    task: &v1::TaskInfo,
    inherited: &Variables,
    sandbox: &Path,
) -> Result<Process, LaunchError> {
    if task.check.is_some() {
        return Err(LaunchError::Unsupported("check"));
    }
    if task.health_check.is_some() {
        return Err(LaunchError::Unsupported("health_check"));
    }
    let command = task.command.as_ref().ok_or(LaunchError::NoCommand)?;
    let value = command.value.as_ref().ok_or(LaunchError::NoCommand)?;
    let (program, arguments): (OsString, Vec<OsString>) = if command.shell() {
        ("/bin/sh".into(), ["sh".into(), "-c".into(), value.into()].to_vec())
    } else {
        (find(value, sandbox), command.arguments.iter().map(OsString::from).collect())
    };
    let spawn = Spawn {
        program,
        arguments,
        environment: environment(task, inherited),
        directory: sandbox.to_owned(),
        stdout: Output::Inherit,
        stderr: Output::Inherit,
        credentials: None,
        parent_death_signal: Some(Signal::KILL),
    };
    spawn.spawn().map_err(|source| LaunchError::Spawn { program: value.clone(), source })
}

/// Compat: a relative name is looked for in the sandbox before it is looked for in `PATH`.
fn find(value: &str, sandbox: &Path) -> OsString {
    let in_sandbox = sandbox.join(value);
    if in_sandbox.is_file() { in_sandbox.into() } else { value.into() }
}

/// The executor's environment, the command's variables over it, and the role that the task runs in.
fn environment(task: &v1::TaskInfo, inherited: &Variables) -> Variables {
    let mut merged = inherited.clone();
    let asked = task.command.iter().flat_map(|command| &command.environment).flat_map(|all| &all.variables);
    for variable in asked {
        // Compat: a secret that nobody resolved is left out.
        if variable.r#type() != variable::Type::Secret {
            merged.insert(variable.name.clone().into(), variable.value.clone().unwrap_or_default().into());
        }
    }
    let allocated = task.resources.first().and_then(|resource| resource.allocation_info.as_ref());
    let role = allocated.and_then(|allocation| allocation.role.clone()).unwrap_or_default();
    merged.insert("MESOS_ALLOCATION_ROLE".into(), role.into());
    merged
}
