//! `tepui execute`: runs a task, shows its states and its output as they come, and ends with its result.

mod capacity;
mod explain;
mod flags;
mod follow;
mod run;
mod task;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tepui_client::{ContentType, Masters};
use tepui_flags::Values;
use tepui_proto::v1;

pub use flags::FLAGS as EXECUTE_FLAGS;
pub use run::{ExecuteError, run};

use crate::print;
use crate::wrong_flags::flags_error;

/// What to run, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The masters.
    pub masters: Masters,
    /// The framework that runs the task.
    pub framework: v1::FrameworkInfo,
    /// The tasks; their agent is filled in.
    pub tasks: Vec<v1::TaskInfo>,
    /// Whether they are a group, for the default executor.
    pub is_group: bool,
    /// The encoding of the API.
    pub content_type: ContentType,
    /// After how long the task is killed.
    pub kill_after: Option<Duration>,
    /// Whether the task's output is shown.
    pub follow: bool,
}

/// How a task ended; of a group, the first that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its last state.
    pub state: v1::TaskState,
    /// What was said about it.
    pub message: String,
    /// Why it ended badly, in one line.
    pub explanation: String,
}

impl Outcome {
    /// Whether the task did what it should.
    pub fn is_success(&self) -> bool {
        self.state == v1::TaskState::TaskFinished
    }

    /// Says why it ended badly, if it did: the last line that the user sees. Returns our own exit code.
    pub fn report(&self) -> u8 {
        if !self.is_success() {
            print::note(&format!("error: {}", self.explanation));
        }
        self.exit_code()
    }

    /// Our own exit code: 0 for success, the task's own where the message tells it, else 1.
    pub fn exit_code(&self) -> u8 {
        if self.is_success() {
            return 0;
        }
        let told = self.message.strip_prefix("Command exited with status ");
        told.and_then(|rest| rest.split([' ', ':']).next()?.parse().ok())
            .filter(|code| *code != 0)
            .unwrap_or(1)
    }
}

/// The command `tepui execute`.
pub fn execute(args: Vec<OsString>) -> ExitCode {
    let values = match flags::FLAGS.parse(args, |name| std::env::var(name).ok()) {
        Ok(values) => values,
        Err(error) => return flags_error(&error),
    };
    let result = options_from_flags(&values).and_then(|options| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(runtime.context("failed to start the event loop")?.block_on(run(&options))?)
    });
    match result {
        Ok(outcome) => ExitCode::from(outcome.report()),
        Err(error) => {
            print::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Checks what the flags say.
///
/// # Errors
/// A flag is missing, or its value makes no sense.
pub fn options_from_flags(values: &Values) -> anyhow::Result<Options> {
    let master = values
        .text("master")
        .context("flag `master` is missing\nhint: say where, as in --master=127.0.0.1:5050 or --master=zk://10.0.0.1:2181/mesos")?;
    let content_type = match values.text("content_type") {
        Some("json") => ContentType::Json,
        Some("protobuf") | None => ContentType::Protobuf,
        Some(other) => anyhow::bail!("flag `content_type`: expected `protobuf` or `json`, got `{other}`"),
    };
    let (tasks, is_group) = task::tasks(values)?;
    Ok(Options {
        masters: master.parse().context("flag `master`")?,
        framework: task::framework(values)?,
        tasks,
        is_group,
        content_type,
        kill_after: values.duration("kill_after"),
        follow: values.bool("follow"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(args: &[&str]) -> Result<Options, String> {
        let values = flags::FLAGS.parse_with(args, &BTreeMap::new()).map_err(|error| error.to_string())?;
        options_from_flags(&values).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn flags_make_a_task() {
        let options = check(&[
            "--master=127.0.0.1:5050",
            "--name=hello",
            "--command=echo",
            "--env={\"A\":\"b\"}",
            "--resources=cpus:0.5;ports:[1-2]",
        ])
        .unwrap();
        let task = &options.tasks[0];
        let command = task.command.clone().unwrap();
        assert_eq!(command.environment.unwrap().variables[0].name, "A");
        assert_eq!((task.resources.len(), options.is_group), (2, false));
        assert_eq!(options.framework.roles, ["*"]);
    }

    #[test]
    fn a_whole_task_needs_no_agent() {
        let json = r#"--task={"name":"n","task_id":{"value":"t"},"command":{"value":"true"}}"#;
        assert_eq!(check(&["--master=h:1", json]).unwrap().tasks[0].task_id.value, "t");
        let json = r#"--task={"name":"n"}"#;
        assert!(check(&["--master=h:1", json]).unwrap_err().contains("task_id"));
    }

    #[test]
    fn a_group_of_tasks_is_read() {
        let json = r#"--task_group={"tasks":[{"name":"n","task_id":{"value":"a"}},{"name":"n","task_id":{"value":"b"}}]}"#;
        let options = check(&["--master=h:1", json]).unwrap();
        assert!(options.is_group);
        assert_eq!(options.tasks.iter().map(|task| &*task.task_id.value).collect::<Vec<_>>(), ["a", "b"]);
        let twice = json.replace("\"b\"", "\"a\"");
        assert!(check(&["--master=h:1", &twice]).unwrap_err().contains("two tasks are called `a`"));
        assert!(check(&["--master=h:1", "--task_group={\"tasks\":[]}"]).unwrap_err().contains("no tasks"));
        assert!(check(&["--master=h:1", json, "--task={}"]).unwrap_err().contains("one of"));
    }

    #[test]
    fn masters_are_given_in_every_form() {
        for masters in ["h:1", "h:1,h:2", "zk://h:1,h:2/mesos", "etcd://h:1/tepui"] {
            let master = format!("--master={masters}");
            let options = check(&[&master, "--name=n", "--command=c"]).unwrap();
            assert_eq!(options.masters.to_string(), masters);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        assert!(check(&["--name=n", "--command=true"]).unwrap_err().contains("flag `master` is missing"));
        assert!(check(&["--master=h:1", "--command=true"]).unwrap_err().contains("flag `name` is missing"));
        assert!(check(&["--master=h:1", "--name=n"]).unwrap_err().contains("flag `command` is missing"));
        let bad = check(&["--master=h:1", "--name=n", "--command=c", "--resources=cpus:four"]);
        assert!(bad.unwrap_err().contains("cpus:four"));
        let bad = check(&["--master=zk://h:1", "--name=n", "--command=c"]);
        assert!(bad.unwrap_err().starts_with("flag `master`: failed to read where the group of masters is"));
        assert!(
            check(&["--master=h:1", "--name=a/b", "--command=c"]).unwrap_err().contains("invalid characters")
        );
    }

    #[test]
    fn the_exit_code_is_the_task_s_where_it_is_known() {
        let outcome = |state, message: &str| {
            Outcome { state, message: message.to_owned(), explanation: String::new() }.exit_code()
        };
        assert_eq!(outcome(v1::TaskState::TaskFinished, "Command exited with status 0"), 0);
        assert_eq!(outcome(v1::TaskState::TaskFailed, "Command exited with status 3"), 3);
        assert_eq!(outcome(v1::TaskState::TaskFailed, "Command exited with status 3: and more"), 3);
        assert_eq!(outcome(v1::TaskState::TaskFailed, "Command terminated with signal Killed"), 1);
        assert_eq!(outcome(v1::TaskState::TaskLost, ""), 1);
    }
}
