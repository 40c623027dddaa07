//! How large the files `stdout` and `stderr` of a sandbox may become: what Mesos' module
//! `org_apache_mesos_LogrotateContainerLogger` is told, by the agent's operator and by each container's environment.
//!
//! Mesos leaves the rotation to the program `logrotate`. Whatever is asked for beyond a number of old files is left to it
//! here, too; the rest is done without it, as `switchboard` says.

mod rotating;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tepui_proto::v1;
use tepui_types::{BytesError, parse_bytes};

pub(crate) use rotating::LogFile;

/// The least size of a file; Mesos' page of memory.
const MIN_BYTES: u64 = 4096;

/// The size of a file that nobody limits otherwise.
const DEFAULT_BYTES: u64 = 10 << 20;

/// The directives of `logrotate` that change nothing about files which are renamed when they are large.
const WITHOUT_EFFECT: [&str; 10] = [
    "create",
    "ifempty",
    "missingok",
    "nocompress",
    "nocopy",
    "nocopytruncate",
    "nodateext",
    "nodelaycompress",
    "nomissingok",
    "notifempty",
];

/// What the module is told: Mesos' parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggerSettings {
    /// What the names of a container's variables begin with that change its settings.
    prefix: String,
    /// The program, or its path.
    logrotate: String,
    stdout: Stream,
    stderr: Stream,
}

/// What is said of one of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stream {
    max_bytes: u64,
    /// Directives of `logrotate`.
    options: String,
}

/// Parameters that make no sense. The texts are Mesos', where Mesos has one.
#[derive(Debug, thiserror::Error)]
pub enum LoggerError {
    /// There is no such parameter.
    #[error("Failed to load unknown flag '{0}'")]
    Unknown(String),
    /// A size is none.
    #[error("Failed to load flag '{flag}': {source}")]
    Size {
        /// Which parameter.
        flag: String,
        /// What is wrong with it.
        source: BytesError,
    },
    /// A size is too small.
    #[error("Expected --max_stdout_size and --max_stderr_size of at least {MIN_BYTES} bytes")]
    TooSmall,
    /// No number of threads.
    #[error("Expected --libprocess_num_worker_threads of at least 1")]
    NoThreads,
    /// The program that was named is not there.
    #[error("Failed to check logrotate: there is no program `{0}`")]
    NoProgram(String),
    /// The program is needed and not there.
    #[error(
        "the option `{option}` needs the program `{program}`, which is not there\nhint: install logrotate, or give `rotate \
         N` alone"
    )]
    NeedsProgram {
        /// For what.
        option: String,
        /// What was looked for.
        program: String,
    },
}

/// What holds one of a container's files to its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limit {
    /// How large it becomes at most.
    pub(crate) max_bytes: u64,
    pub(crate) rotation: Rotation,
}

/// What becomes of a file that is full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rotation {
    /// It is renamed to `NAME.1`, and so on; so many of them are kept.
    Rename(u32),
    /// This program is called with these directives.
    Logrotate { program: PathBuf, options: String },
}

/// What holds a container's files to their sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) stdout: Option<Limit>,
    pub(crate) stderr: Option<Limit>,
}

impl Default for LoggerSettings {
    fn default() -> Self {
        let stream = Stream { max_bytes: DEFAULT_BYTES, options: String::new() };
        Self {
            prefix: "CONTAINER_LOGGER_".to_owned(),
            logrotate: "logrotate".to_owned(),
            stdout: stream.clone(),
            stderr: stream,
        }
    }
}

impl LoggerSettings {
    /// Reads the parameters of the module.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, LoggerError> {
        let mut settings = Self::default();
        for (name, value) in parameters {
            match name {
                "environment_variable_prefix" => value.clone_into(&mut settings.prefix),
                "logrotate_path" => {
                    find(value).ok_or_else(|| LoggerError::NoProgram(value.to_owned()))?;
                    value.clone_into(&mut settings.logrotate);
                }
                // Of Mesos' companion programs: ours are in this one.
                "launcher_dir" => {}
                "libprocess_num_worker_threads" => {
                    value.parse().ok().filter(|count: &u64| *count > 0).ok_or(LoggerError::NoThreads)?;
                }
                _ => settings.set(name, value)?,
            }
        }
        settings.limits()?;
        Ok(settings)
    }

    /// What holds for a container that runs this command: its environment may change it.
    pub(crate) fn for_command(&self, command: &v1::CommandInfo) -> Result<Limits, LoggerError> {
        let mut settings = self.clone();
        for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
            if let Some(name) = variable.name.strip_prefix(&self.prefix) {
                settings.set(&name.to_lowercase(), variable.value.as_deref().unwrap_or_default())?;
            }
        }
        settings.limits()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), LoggerError> {
        match name {
            "max_stdout_size" => self.stdout.max_bytes = size(name, value)?,
            "max_stderr_size" => self.stderr.max_bytes = size(name, value)?,
            "logrotate_stdout_options" => value.clone_into(&mut self.stdout.options),
            "logrotate_stderr_options" => value.clone_into(&mut self.stderr.options),
            _ => return Err(LoggerError::Unknown(name.to_owned())),
        }
        Ok(())
    }

    fn limits(&self) -> Result<Limits, LoggerError> {
        let limit = |stream: &Stream| {
            let rotation = rotation(&stream.options, &self.logrotate)?;
            Ok(Some(Limit { max_bytes: stream.max_bytes, rotation }))
        };
        Ok(Limits { stdout: limit(&self.stdout)?, stderr: limit(&self.stderr)? })
    }
}

fn size(flag: &str, value: &str) -> Result<u64, LoggerError> {
    let bytes = parse_bytes(value).map_err(|source| LoggerError::Size { flag: flag.to_owned(), source })?;
    if bytes < MIN_BYTES { Err(LoggerError::TooSmall) } else { Ok(bytes) }
}

/// What these directives ask for: none keep nothing, as `logrotate` does.
fn rotation(options: &str, logrotate: &str) -> Result<Rotation, LoggerError> {
    let mut kept = 0;
    for line in options.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        match (words.next(), words.next().map(str::parse::<u32>), words.next()) {
            (Some("rotate"), Some(Ok(count)), None) => kept = count,
            // Compat: the module says when a file is full.
            (None, ..) | (Some("size"), Some(_), None) => {}
            (Some(word), None, None) if WITHOUT_EFFECT.contains(&word) => {}
            _ => {
                let program = find(logrotate).ok_or_else(|| LoggerError::NeedsProgram {
                    option: line.to_owned(),
                    program: logrotate.to_owned(),
                })?;
                return Ok(Rotation::Logrotate { program, options: options.to_owned() });
            }
        }
    }
    Ok(Rotation::Rename(kept))
}

/// The file of a program: the path itself, or a name that is looked for where the system has its programs.
fn find(program: &str) -> Option<PathBuf> {
    let is_program =
        |path: &Path| nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_program(path));
    }
    let folders = std::env::split_paths(crate::environment::DEFAULT_PATH);
    folders.map(|folder| folder.join(program)).find(|path| is_program(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parameters: &[(&str, &str)], expected: &str) {
        let settings = LoggerSettings::from_parameters(parameters.iter().copied());
        let shown = settings.and_then(|settings| settings.limits()).map_or_else(
            |error| error.to_string(),
            |limits| {
                let show =
                    |limit: Option<Limit>| limit.map(|it| format!("{} {:?}", it.max_bytes, it.rotation));
                [limits.stdout, limits.stderr].map(|limit| show(limit).unwrap_or_default()).join(", ")
            },
        );
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn parameters_are_mesos_s() {
        check(&[], "10485760 Rename(0), 10485760 Rename(0)");
        check(
            &[
                ("max_stdout_size", "2MB"),
                ("logrotate_stdout_options", "rotate 4\nmissingok # as ever\n size 3"),
                ("launcher_dir", "/usr/libexec/mesos"),
                ("libprocess_num_worker_threads", "2"),
            ],
            "2097152 Rename(4), 10485760 Rename(0)",
        );
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        check(&[("max_size", "2MB")], "Failed to load unknown flag 'max_size'");
        check(&[("max_stderr_size", "2")], "Failed to load flag 'max_stderr_size': Invalid bytes '2'");
        check(
            &[("max_stdout_size", "2KB")],
            "Expected --max_stdout_size and --max_stderr_size of at least 4096",
        );
        check(&[("libprocess_num_worker_threads", "0")], "Expected --libprocess_num_worker_threads");
        check(&[("logrotate_path", "/no/logrotate")], "Failed to check logrotate: there is no program");
    }

    #[test]
    fn what_is_more_than_renaming_needs_logrotate() {
        let there = rotation("rotate 3\ncompress", "/bin/true").unwrap();
        let options = "rotate 3\ncompress".to_owned();
        assert_eq!(there, Rotation::Logrotate { program: "/bin/true".into(), options });
        let absent = rotation("rotate 3\ncompress", "no-such-program").unwrap_err().to_string();
        assert!(absent.starts_with("the option `compress` needs the program `no-such-program`"), "{absent}");
        assert!(rotation("rotate many", "no-such-program").is_err());
    }

    #[test]
    fn a_container_s_environment_wins() {
        let settings = LoggerSettings::from_parameters([("environment_variable_prefix", "LOG_")]).unwrap();
        let command = |name: &str, value: &str| {
            let variable = v1::environment::Variable {
                name: name.to_owned(),
                value: Some(value.to_owned()),
                ..v1::environment::Variable::default()
            };
            let environment = Some(v1::Environment { variables: vec![variable] });
            v1::CommandInfo { environment, ..v1::CommandInfo::default() }
        };
        let limits = settings.for_command(&command("LOG_LOGROTATE_STDERR_OPTIONS", "rotate 7")).unwrap();
        assert_eq!(limits.stderr.unwrap().rotation, Rotation::Rename(7));
        assert_eq!(limits.stdout.unwrap().rotation, Rotation::Rename(0));
        assert_eq!(settings.for_command(&command("LOGS", "x")).unwrap(), settings.limits().unwrap());
        let unknown = settings.for_command(&command("LOG_LEVEL", "debug")).unwrap_err().to_string();
        assert_eq!(unknown, "Failed to load unknown flag 'level'");
    }
}
