//! From a command line and an environment to checked values.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};
use tepui_types::{parse_bytes, parse_duration};
use thiserror::Error;

use crate::flag::{Flag, Kind, Treatment};
use crate::values::Values;

/// The flags of one daemon.
#[derive(Clone, Copy, Debug)]
pub struct FlagSet {
    /// The command that takes them, such as `tepui master`.
    pub command: &'static str,
    /// One sentence on what the command does.
    pub about: &'static str,
    /// The tables of flags.
    pub tables: &'static [&'static [Flag]],
}

/// Why flags could not be taken.
#[derive(Debug, Error)]
pub enum FlagsError {
    /// Help was asked for; this is its text.
    #[error("{0}")]
    Help(String),
    /// The version was asked for.
    #[error("the version was asked for")]
    Version,
    /// The command line is malformed. The text starts with `error: ` and says what to do.
    #[error("{0}")]
    Usage(String),
    /// A value cannot be understood.
    #[error("failed to load flag `{name}`: {why}")]
    Value {
        /// The flag.
        name: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// A flag asks for what is not built.
    #[error("flag `{name}` is not supported with value `{value}`: {effect}")]
    Refused {
        /// The flag.
        name: &'static str,
        /// Its value.
        value: String,
        /// What ignoring it would do.
        effect: &'static str,
    },
}

impl FlagSet {
    /// Every flag of the set.
    pub fn flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.tables.iter().flat_map(|table| table.iter())
    }

    fn find(&self, name: &str) -> Option<&'static Flag> {
        self.flags().find(|flag| flag.name == name || flag.aliases.contains(&name))
    }

    /// Parses `args` (without the command's own name), then `MESOS_*` variables for what `args` leave out.
    ///
    /// # Errors
    /// Help or version was asked for, or something cannot be understood or supported.
    pub fn parse(
        &self,
        args: impl IntoIterator<Item = OsString>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Values, FlagsError> {
        let args = args.into_iter().map(|arg| self.normalize(arg));
        let matches = self.clap_command().try_get_matches_from(args).map_err(|error| {
            let text = error.render().to_string();
            if error.use_stderr() { FlagsError::Usage(text) } else { FlagsError::Help(text) }
        })?;
        let mut values = Values::default();
        for flag in self.flags() {
            let given = matches.get_one::<String>(flag.name).cloned().or_else(|| {
                let mut names = std::iter::once(&flag.name).chain(flag.aliases);
                names.find_map(|name| environment(&format!("MESOS_{}", name.to_uppercase())))
            });
            values.given.insert(flag.name, given.is_some());
            if let Some(value) = given {
                let value = checked(flag, fetch(flag, value)?)?;
                treat(flag, &value, &mut values.warnings)?;
                values.texts.insert(flag.name, value);
            } else if let Some(default) = flag.default {
                values.texts.insert(flag.name, default.to_owned());
            }
        }
        if values.texts.get("version").is_some_and(|value| value == "true") {
            return Err(FlagsError::Version);
        }
        Ok(values)
    }

    /// Brings `--work-dir`, an old name, or `--no-quiet` to the one form that the table knows.
    fn normalize(&self, arg: OsString) -> OsString {
        let Some(body) = arg.to_str().and_then(|text| text.strip_prefix("--")) else { return arg };
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let name = name.replace('-', "_");
        let negated = name.strip_prefix("no_").and_then(|name| self.find(name));
        match (self.find(&name), negated, value) {
            (Some(flag), _, Some(value)) => format!("--{}={value}", flag.name).into(),
            (Some(flag), _, None) => format!("--{}", flag.name).into(),
            (None, Some(flag), None) if flag.kind == Kind::Bool => format!("--{}=false", flag.name).into(),
            _ => arg,
        }
    }

    fn clap_command(&self) -> Command {
        let args = self.flags().map(|flag| {
            let treatment = match flag.treatment {
                Treatment::Acted => String::new(),
                Treatment::Ignored(why) => format!(" [ignored: {why}]"),
                Treatment::Refused { effect, .. } => format!(" [not supported yet: {effect}]"),
            };
            let default = flag.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
            let arg = Arg::new(flag.name).long(flag.name).help(format!("{}{default}{treatment}", flag.help));
            match flag.kind {
                Kind::Bool => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
                Kind::Text | Kind::Integer | Kind::Number | Kind::Duration | Kind::Bytes | Kind::Path => {
                    arg.num_args(1).action(ArgAction::Set).allow_hyphen_values(true)
                }
            }
            .value_name(match flag.kind {
                Kind::Bool => "BOOL",
                Kind::Text => "TEXT",
                Kind::Integer | Kind::Number => "N",
                Kind::Duration => "DURATION",
                Kind::Bytes => "SIZE",
                Kind::Path => "FILE",
            })
        });
        Command::new(self.command).no_binary_name(true).about(self.about).args(args).after_help(
            "Every flag can also be given as an environment variable (MESOS_WORK_DIR for --work_dir), negated if it is \
             a BOOL (--no-quiet), or as the content of a file (--weights=file:///etc/weights).",
        )
    }
}

/// The value itself, or the content of the file that `file://` names.
fn fetch(flag: &Flag, value: String) -> Result<String, FlagsError> {
    let Some(path) = value.strip_prefix("file://") else { return Ok(value) };
    if flag.kind == Kind::Path {
        return Ok(path.to_owned());
    }
    match std::fs::read_to_string(path) {
        Ok(content) => Ok(content.trim_end().to_owned()),
        Err(error) => {
            Err(FlagsError::Value { name: flag.name, why: format!("failed to read file `{path}`: {error}") })
        }
    }
}

/// Refuses a value that is not of the flag's kind.
fn checked(flag: &Flag, value: String) -> Result<String, FlagsError> {
    let fail = |why: String| Err(FlagsError::Value { name: flag.name, why });
    match flag.kind {
        // Compat: stout takes 1 and 0 as well.
        Kind::Bool => match value.as_str() {
            "true" | "1" => Ok("true".to_owned()),
            "false" | "0" => Ok("false".to_owned()),
            _ => fail(format!("expected `true` or `false`, got `{value}`")),
        },
        Kind::Integer if value.parse::<u64>().is_err() => {
            fail(format!("expected a whole number, got `{value}`"))
        }
        Kind::Number if !value.parse::<f64>().is_ok_and(f64::is_finite) => {
            fail(format!("expected a number, got `{value}`"))
        }
        Kind::Duration => match parse_duration(&value) {
            Ok(_) => Ok(value),
            Err(error) => fail(error.to_string()),
        },
        Kind::Bytes => match parse_bytes(&value) {
            Ok(_) => Ok(value),
            Err(error) => fail(error.to_string()),
        },
        Kind::Text | Kind::Path | Kind::Integer | Kind::Number => Ok(value),
    }
}

fn treat(flag: &Flag, value: &str, warnings: &mut Vec<String>) -> Result<(), FlagsError> {
    if flag.default == Some(value) {
        return Ok(());
    }
    match flag.treatment {
        Treatment::Acted => Ok(()),
        Treatment::Ignored(why) => {
            warnings.push(format!("flag `{}` is ignored: {why}", flag.name));
            Ok(())
        }
        Treatment::Refused { except, .. } if except.contains(&value) => Ok(()),
        Treatment::Refused { effect, .. } => {
            Err(FlagsError::Refused { name: flag.name, value: value.to_owned(), effect })
        }
    }
}

/// A map is an environment, in tests.
impl FlagSet {
    /// Parses with the variables of `environment` only.
    ///
    /// # Errors
    /// As [`FlagSet::parse`].
    pub fn parse_with(
        &self,
        args: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> Result<Values, FlagsError> {
        self.parse(args.iter().map(OsString::from), |name| environment.get(name).cloned())
    }
}
