//! Starting the task's process.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use tepui_linux::{Credentials, CredentialsError, Output, Process, Signal, Spawn};
use tepui_proto::v1;

use crate::flags::Flags;
use crate::variables::{Variables, overlay};

/// A task that this executor cannot run.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("Failed to launch the task: it has no command")]
    NoCommand,
    #[error("Failed to launch the task: {0}")]
    User(#[from] CredentialsError),
    #[error("Failed to execute `{program}`: {source}")]
    Spawn { program: String, source: io::Error },
}

/// Starts the process in a session of its own. It must not outlive the executor, which alone knows of its task.
pub(super) fn launch(
    task: &v1::TaskInfo,
    inherited: &Variables,
    flags: &Flags,
    sandbox: &Path,
) -> Result<Process, LaunchError> {
    let command = flags.task_command.as_ref().or(task.command.as_ref()).ok_or(LaunchError::NoCommand)?;
    let value = command.value.as_ref().ok_or(LaunchError::NoCommand)?;
    let (program, arguments): (OsString, Vec<OsString>) = if command.shell() {
        ("/bin/sh".into(), ["sh".into(), "-c".into(), value.into()].to_vec())
    } else {
        (find(value, sandbox), command.arguments.iter().map(OsString::from).collect())
    };
    let spawn = Spawn {
        program,
        arguments,
        environment: environment(task, command, inherited, flags),
        directory: flags.working_directory.clone().unwrap_or_else(|| sandbox.to_owned()),
        stdout: Output::Inherit,
        stderr: Output::Inherit,
        credentials: flags.user.as_deref().map(Credentials::of_user).transpose()?,
        parent_death_signal: Some(Signal::KILL),
    };
    spawn.spawn().map_err(|source| LaunchError::Spawn { program: value.clone(), source })
}

/// Compat: a relative name is looked for in the sandbox before it is looked for in `PATH`.
fn find(value: &str, sandbox: &Path) -> OsString {
    let in_sandbox = sandbox.join(value);
    if in_sandbox.is_file() { in_sandbox.into() } else { value.into() }
}

/// The executor's environment, over it what the agent's isolators have for the task and then the command's variables, and the
/// role that the task runs in.
fn environment(
    task: &v1::TaskInfo,
    command: &v1::CommandInfo,
    inherited: &Variables,
    flags: &Flags,
) -> Variables {
    let mut merged = inherited.clone();
    overlay(&mut merged, flags.task_environment.as_ref());
    overlay(&mut merged, command.environment.as_ref());
    let allocated = task.resources.first().and_then(|resource| resource.allocation_info.as_ref());
    let role = allocated.and_then(|allocation| allocation.role.clone()).unwrap_or_default();
    merged.insert("MESOS_ALLOCATION_ROLE".into(), role.into());
    merged
}
