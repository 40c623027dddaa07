//! The flags that agents of Mesos give to their executors.

use std::path::PathBuf;

use tepui_proto::v1;

/// What an agent says on the command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flags {
    /// Variables that the agent's isolators have for the task: over those of the executor, below those of the task.
    pub(crate) task_environment: Option<v1::Environment>,
    /// The command, in place of the task's.
    pub(crate) task_command: Option<v1::CommandInfo>,
    /// Whom the task runs as; the executor's own user if absent.
    pub(crate) user: Option<String>,
    /// Where it starts; the sandbox if absent.
    pub(crate) working_directory: Option<PathBuf>,
}

impl Flags {
    /// Reads `--name=value`, as Mesos gives them. What would change how a task is isolated and is not built is refused.
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut flags = Self::default();
        for arg in args {
            let (name, value) = arg
                .strip_prefix("--")
                .map(|flag| flag.split_once('=').unwrap_or((flag, "")))
                .ok_or_else(|| format!("unexpected argument `{arg}` of the executor"))?;
            match name {
                // Compat: agents of Mesos say where Mesos' programs are. This one needs none of them.
                "launcher_dir" | "sandbox_directory" => {}
                "task_environment" => flags.task_environment = Some(json(name, value)?),
                "task_command" => flags.task_command = Some(json(name, value)?),
                "user" => flags.user = Some(value.to_owned()),
                "working_directory" => flags.working_directory = Some(value.into()),
                _ => return Err(format!("unknown flag `--{name}` of the executor")),
            }
        }
        Ok(flags)
    }
}

fn json<M: tepui_proto::MesosMessage>(name: &str, value: &str) -> Result<M, String> {
    let body = value.as_bytes();
    tepui_wire::decode(tepui_wire::ContentType::Json, body)
        .map_err(|error| format!("failed to read flag `--{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Flags, String> {
        Flags::parse(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_of_mesos_are_read() {
        let flags = parse(&[
            "--launcher_dir=/usr/libexec/mesos",
            "--task_environment={\"variables\":[{\"name\":\"A\",\"value\":\"b\"}]}",
            "--task_command={\"value\":\"sleep 1\"}",
            "--user=nobody",
            "--working_directory=/x",
        ])
        .unwrap();
        assert_eq!(flags.task_environment.unwrap().variables[0].name, "A");
        assert_eq!(flags.task_command.unwrap().value.as_deref(), Some("sleep 1"));
        assert_eq!(flags.user.as_deref(), Some("nobody"));
        assert_eq!(flags.working_directory, Some("/x".into()));
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        assert!(parse(&["--rootfs=/x"]).unwrap_err().contains("`--rootfs`"));
        assert!(parse(&["x"]).unwrap_err().contains("`x`"));
        assert!(parse(&["--task_environment=x"]).unwrap_err().contains("`--task_environment`"));
    }
}
