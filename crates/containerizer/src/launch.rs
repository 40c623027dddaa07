//! Making ready what a container's process is started with, as `CommandInfo` says.

use std::fs::File;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::libc::O_NOFOLLOW;
use tepui_linux::{Credentials, CredentialsError};
use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::environment;
use crate::launcher::{Failure, Plan, User};
use crate::{ContainerConfig, LoggerError, SandboxError};

/// A container that could not be started. Nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The id is taken.
    #[error("container `{0}` exists already")]
    Exists(ContainerId),
    /// The container that it is to be nested in does not run.
    #[error("container `{0}` does not run")]
    NoParent(ContainerId),
    /// There is nothing to run.
    #[error("failed to launch a command without a value")]
    NoCommand,
    /// Files are to be fetched first, and there is nobody who does.
    #[error(
        "failed to fetch `{first}` ({count} in all): this agent does not fetch URIs yet\nhint: put the files on the \
         agents, or fetch them in the command"
    )]
    UrisUnsupported {
        /// The first of them.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// Files could not be fetched.
    #[error("{0}")]
    Fetch(String),
    /// The container asks for isolation that is not built.
    #[error("failed to isolate the container: this agent does not support `{field}` of `ContainerInfo` yet")]
    IsolationUnsupported {
        /// What it asks for.
        field: &'static str,
    },
    /// The container asks for something that an isolator gives which is not in use.
    #[error(
        "failed to isolate the container: `{field}` of `ContainerInfo` needs the isolator `{isolator}`\nhint: start the \
         agent with it in --isolation"
    )]
    IsolatorMissing {
        /// What it asks for.
        field: &'static str,
        /// Who would give it.
        isolator: &'static str,
    },
    /// The container asks for a volume that is not built.
    #[error("failed to isolate the container: this agent does not support volumes of type `{kind}` yet")]
    VolumeUnsupported {
        /// What it asks for.
        kind: &'static str,
    },
    /// An isolator does not allow what the container asks for.
    #[error("isolator `{isolator}`: {why}")]
    Refused {
        /// Which.
        isolator: &'static str,
        /// Why not.
        why: String,
    },
    /// An isolator could not do its part.
    #[error("isolator `{isolator}`: failed to {step}")]
    Isolate {
        /// Which.
        isolator: &'static str,
        /// What was being done.
        step: String,
        /// What the system said.
        source: io::Error,
    },
    /// A secret that cannot be in an environment.
    #[error("failed to set environment variable `{variable}`: its secret is no text")]
    SecretNotText {
        /// The variable's name.
        variable: String,
    },
    /// A secret that is not given with its value.
    #[error("failed to resolve environment variable `{variable}`: {why}")]
    Secret {
        /// The variable's name.
        variable: String,
        /// Why not.
        why: String,
    },
    /// The user is not known here.
    #[error("failed to switch the user")]
    User(#[from] CredentialsError),
    /// Only root may become somebody else.
    #[error(
        "failed to switch to user `{user}`: the agent does not run as root\nhint: start the agent as root, or with \
         --no-switch_user"
    )]
    NotRoot {
        /// Whom to become.
        user: String,
    },
    /// A file could not be made.
    #[error("failed to open `{}`", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The settings of its output make no sense.
    #[error("Failed to load container logger settings: {0}")]
    Logger(#[from] LoggerError),
    /// The sandbox could not be made.
    #[error(transparent)]
    Sandbox(Arc<SandboxError>),
    /// A path that is not text.
    #[error("failed to use the path `{}`: it is not text", .0.display())]
    Path(PathBuf),
    /// The process could not be started.
    #[error("failed to {step}")]
    Start {
        /// What was being done, and to what.
        step: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was destroyed before it ran.
    #[error("container `{0}` was destroyed while it was being launched")]
    Destroyed(ContainerId),
    /// The agent is stopping.
    #[error("failed to launch: the agent is stopping")]
    Stopping,
}

impl From<Failure> for LaunchError {
    fn from(failure: Failure) -> Self {
        Self::Start { step: failure.step, source: io::Error::from_raw_os_error(failure.errno) }
    }
}

/// What a process is started with.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) stdin: File,
    pub(crate) stdout: File,
    pub(crate) stderr: File,
}

/// Checks what is asked for and opens the files. Blocks: on the databases of users, on files.
pub(crate) fn prepare(config: &ContainerConfig, runtime: &Path) -> Result<Prepared, LaunchError> {
    if let Some(field) = config.container.as_ref().and_then(unsupported) {
        return Err(LaunchError::IsolationUnsupported { field });
    }
    let environment = environment::merge(&config.environment, &config.sandbox, &config.command)?;
    let (program, arguments) = program(&config.command, &config.sandbox)?;
    let credentials = config.user.as_deref().map(credentials_for).transpose()?.flatten();
    let stdout = open_output(&config.sandbox, "stdout", credentials.as_ref())?;
    let stderr = open_output(&config.sandbox, "stderr", credentials.as_ref())?;
    let plan = Plan {
        container: config.container_id.to_string(),
        runtime: text(runtime)?,
        program,
        arguments,
        environment: environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        directory: text(config.directory.as_ref().unwrap_or(&config.sandbox))?,
        user: credentials.map(|user| User { uid: user.uid, gid: user.gid, groups: user.groups }),
        ..Plan::default()
    };
    let null = Path::new("/dev/null");
    let stdin = File::open(null).map_err(|source| LaunchError::File { path: null.to_owned(), source })?;
    Ok(Prepared { plan, stdin, stdout, stderr })
}

/// The first thing that a container asks for and would have to run without.
fn unsupported(container: &v1::ContainerInfo) -> Option<&'static str> {
    let has_image = container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some());
    [
        ("docker", container.r#type() == v1::container_info::Type::Docker || container.docker.is_some()),
        ("mesos.image", has_image),
        ("hostname", container.hostname.is_some()),
        ("network_infos", container.network_infos.iter().any(|network| network.name.is_some())),
    ]
    .into_iter()
    .find_map(|(field, is_wanted)| is_wanted.then_some(field))
}

/// The executable and its arguments, `argv[0]` included.
fn program(command: &v1::CommandInfo, sandbox: &Path) -> Result<(String, Vec<String>), LaunchError> {
    let value = command.value.as_deref().ok_or(LaunchError::NoCommand)?;
    if command.shell() {
        return Ok(("/bin/sh".to_owned(), ["sh", "-c", value].map(str::to_owned).to_vec()));
    }
    if value.is_empty() {
        return Err(LaunchError::NoCommand);
    }
    // Compat: a relative name is looked for in the sandbox before it is looked for in `PATH`.
    let in_sandbox = sandbox.join(value);
    let program = if is_executable(&in_sandbox) { text(&in_sandbox)? } else { value.to_owned() };
    let arguments =
        if command.arguments.is_empty() { vec![value.to_owned()] } else { command.arguments.clone() };
    Ok((program, arguments))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// A path as the launcher is told it.
pub(crate) fn text(path: &Path) -> Result<String, LaunchError> {
    path.to_str().map(str::to_owned).ok_or_else(|| LaunchError::Path(path.to_owned()))
}

/// The credentials to switch to; `None` if we are that user already and may not switch anyway.
pub(crate) fn credentials_for(user: &str) -> Result<Option<Credentials>, LaunchError> {
    if tepui_linux::is_root() {
        return Ok(Some(Credentials::of_user_lately(user)?));
    }
    if tepui_linux::current_user_name().is_ok_and(|current| current == user) {
        return Ok(None);
    }
    Err(LaunchError::NotRoot { user: user.to_owned() })
}

/// Opens a file of the sandbox for appending. The sandbox is the user's, so a link in it is not followed.
fn open_output(sandbox: &Path, name: &str, owner: Option<&Credentials>) -> Result<File, LaunchError> {
    let path = sandbox.join(name);
    let open = || {
        let file =
            File::options().create(true).append(true).mode(0o644).custom_flags(O_NOFOLLOW).open(&path)?;
        if let Some(owner) = owner {
            fchown(&file, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(file)
    };
    open().map_err(|source| LaunchError::File { path: path.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(shell: Option<bool>, value: Option<&str>, arguments: &[&str]) -> v1::CommandInfo {
        v1::CommandInfo {
            shell,
            value: value.map(Into::into),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            ..Default::default()
        }
    }

    fn check(command: &v1::CommandInfo, expected: &str) {
        let (program, arguments) = program(command, Path::new("/no/sandbox")).unwrap();
        assert_eq!(format!("{program:?} {arguments:?}"), expected);
    }

    #[test]
    fn a_shell_command_ignores_arguments_and_is_the_default() {
        check(&command(None, Some("echo $A"), &["x"]), r#""/bin/sh" ["sh", "-c", "echo $A"]"#);
    }

    #[test]
    fn without_a_shell_the_arguments_begin_with_the_name() {
        check(&command(Some(false), Some("/bin/echo"), &["echo", "$A"]), r#""/bin/echo" ["echo", "$A"]"#);
        check(&command(Some(false), Some("true"), &[]), r#""true" ["true"]"#);
    }

    #[test]
    fn an_executable_of_the_sandbox_comes_first() {
        let sandbox = tempfile::tempdir().unwrap();
        let script = sandbox.path().join("true");
        std::fs::write(&script, "").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (program, _) = program(&command(Some(false), Some("true"), &[]), sandbox.path()).unwrap();
        assert_eq!(Path::new(&program), script);
    }

    #[test]
    fn a_container_is_not_run_without_what_it_asks_for() {
        let plain =
            v1::ContainerInfo { r#type: v1::container_info::Type::Mesos.into(), ..Default::default() };
        assert_eq!(unsupported(&plain), None);
        let docker = v1::ContainerInfo { r#type: v1::container_info::Type::Docker.into(), ..plain.clone() };
        assert_eq!(unsupported(&docker), Some("docker"));
        let named = v1::ContainerInfo { hostname: Some("h".to_owned()), ..plain };
        assert_eq!(unsupported(&named), Some("hostname"));
    }

    #[test]
    fn a_command_without_value_is_refused() {
        for command in [
            command(None, None, &[]),
            command(Some(false), None, &["x"]),
            command(Some(false), Some(""), &[]),
        ] {
            assert!(matches!(program(&command, Path::new("/")), Err(LaunchError::NoCommand)));
        }
    }
}
