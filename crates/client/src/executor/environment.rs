//! What an agent tells an executor in its environment.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use tepui_proto::v1;
use tepui_types::{DurationError, parse_duration};

use crate::Address;

/// How long an executor may take to shut down if the agent did not say.
const DEFAULT_SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_secs(5);

/// An executor's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Where the agent listens.
    pub agent: Address,
    /// The path of the executor API there.
    pub path: String,
    /// The framework that the executor belongs to.
    pub framework_id: v1::FrameworkId,
    /// The executor's own id.
    pub executor_id: v1::ExecutorId,
    /// The folder to work in.
    pub sandbox: PathBuf,
    /// How to outlive the agent; `None` if the framework does not checkpoint.
    pub recovery: Option<Recovery>,
    /// How long after SHUTDOWN the executor is killed.
    pub shutdown_grace_period: Duration,
    /// The token to show to the agent.
    pub authentication_token: Option<String>,
}

/// How an executor waits for an agent that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How long.
    pub timeout: Duration,
    /// The longest pause between attempts.
    pub max_backoff: Duration,
}

/// An environment that no agent made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable is not there. The text is Mesos' own.
    #[error("Expecting '{0}' to be set in the environment")]
    Missing(&'static str),
    /// A variable is no duration.
    #[error("Failed to parse value '{value}' of '{variable}': {source}")]
    Duration {
        /// Which variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        source: DurationError,
    },
    /// A variable does not say where the agent is.
    #[error("Failed to parse value '{value}' of '{variable}'")]
    Agent {
        /// Which variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// The process was not started by an agent.
    pub fn of_process() -> Result<Self, EnvironmentError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Reads an environment through `variable`.
    ///
    /// # Errors
    /// A variable is missing or malformed.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let required = |name| variable(name).ok_or(EnvironmentError::Missing(name));
        let duration = |name| required(name).and_then(|value| duration(name, value));
        let (agent, path) = agent(&variable)?;
        let recovery = match variable("MESOS_CHECKPOINT").as_deref() {
            Some("1") => Some(Recovery {
                timeout: duration("MESOS_RECOVERY_TIMEOUT")?,
                max_backoff: duration("MESOS_SUBSCRIPTION_BACKOFF_MAX")?,
            }),
            Some(_) | None => None,
        };
        let shutdown_grace_period = match duration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD") {
            Err(EnvironmentError::Missing(_)) => DEFAULT_SHUTDOWN_GRACE_PERIOD,
            parsed => parsed?,
        };
        let sandbox = variable("MESOS_SANDBOX").or_else(|| variable("MESOS_DIRECTORY"));
        Ok(Self {
            agent,
            path,
            framework_id: v1::FrameworkId { value: required("MESOS_FRAMEWORK_ID")? },
            executor_id: v1::ExecutorId { value: required("MESOS_EXECUTOR_ID")? },
            sandbox: sandbox.ok_or(EnvironmentError::Missing("MESOS_SANDBOX"))?.into(),
            recovery,
            shutdown_grace_period,
            authentication_token: variable("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"),
        })
    }

    /// The header that shows the token.
    pub fn authorization(&self) -> Option<HeaderValue> {
        let token = self.authentication_token.as_ref()?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

fn duration(variable: &'static str, value: String) -> Result<Duration, EnvironmentError> {
    parse_duration(&value).map_err(|source| EnvironmentError::Duration { variable, value, source })
}

/// Where the agent is: `MESOS_AGENT_ENDPOINT` says at which address, `MESOS_SLAVE_PID` (`slave(1)@10.0.0.1:5051`) under
/// which name, because several agents may share an address. Either is enough.
fn agent(variable: &impl Fn(&str) -> Option<String>) -> Result<(Address, String), EnvironmentError> {
    const ENDPOINT: &str = "MESOS_AGENT_ENDPOINT";
    const PID: &str = "MESOS_SLAVE_PID";
    let pid = variable(PID);
    let (name, pid_address) = match &pid {
        None => (None, None),
        Some(pid) => match pid.split_once('@') {
            Some((name, address)) if !name.is_empty() && !name.contains(|c: char| !c.is_ascii_graphic()) => {
                (Some(name), Some(address))
            }
            Some(_) | None => return Err(EnvironmentError::Agent { variable: PID, value: pid.clone() }),
        },
    };
    let (source, address) = match (variable(ENDPOINT), pid_address) {
        (Some(endpoint), _) => (ENDPOINT, endpoint),
        (None, Some(address)) => (PID, address.to_owned()),
        (None, None) => return Err(EnvironmentError::Missing(PID)),
    };
    let parsed = address.parse();
    let address = parsed.map_err(|_| EnvironmentError::Agent { variable: source, value: address })?;
    let path = name.map_or_else(|| "/api/v1/executor".to_owned(), |name| format!("/{name}/api/v1/executor"));
    Ok((address, path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const BASE: [(&str, &str); 5] = [
        ("MESOS_SLAVE_PID", "slave(1)@10.0.0.1:5051"),
        ("MESOS_AGENT_ENDPOINT", "10.0.0.1:5051"),
        ("MESOS_FRAMEWORK_ID", "F"),
        ("MESOS_EXECUTOR_ID", "E"),
        ("MESOS_SANDBOX", "/sandbox"),
    ];

    fn read(without: &[&str], with: &[(&str, &str)]) -> Result<Environment, String> {
        let mut variables: BTreeMap<&str, &str> = BASE.into_iter().collect();
        for name in without {
            variables.remove(name);
        }
        variables.extend(with.iter().copied());
        Environment::from_variables(|name| variables.get(name).map(|value| (*value).to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_agent_is_found_by_either_variable() {
        let found =
            |without: &[&str]| read(without, &[]).map(|read| format!("{}{}", read.agent, read.path)).unwrap();
        assert_eq!(found(&[]), "10.0.0.1:5051/slave(1)/api/v1/executor");
        assert_eq!(found(&["MESOS_AGENT_ENDPOINT"]), "10.0.0.1:5051/slave(1)/api/v1/executor");
        assert_eq!(found(&["MESOS_SLAVE_PID"]), "10.0.0.1:5051/api/v1/executor");
    }

    #[test]
    fn recovery_needs_checkpointing() {
        let times = [("MESOS_RECOVERY_TIMEOUT", "15mins"), ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs")];
        assert_eq!(read(&[], &times).unwrap().recovery, None);
        assert_eq!(read(&[], &[("MESOS_CHECKPOINT", "0")]).unwrap().recovery, None);
        let with = [times[0], times[1], ("MESOS_CHECKPOINT", "1")];
        let recovery = Recovery { timeout: Duration::from_mins(15), max_backoff: Duration::from_secs(2) };
        assert_eq!(read(&[], &with).unwrap().recovery, Some(recovery));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |without: &[&str], with: &[(&str, &str)], expected: &str| {
            assert_eq!(read(without, with).unwrap_err(), expected);
        };
        let missing = |name| format!("Expecting '{name}' to be set in the environment");
        check(&["MESOS_SLAVE_PID", "MESOS_AGENT_ENDPOINT"], &[], &missing("MESOS_SLAVE_PID"));
        check(&["MESOS_FRAMEWORK_ID"], &[], &missing("MESOS_FRAMEWORK_ID"));
        check(&["MESOS_SANDBOX"], &[], &missing("MESOS_SANDBOX"));
        check(&[], &[("MESOS_CHECKPOINT", "1")], &missing("MESOS_RECOVERY_TIMEOUT"));
        check(&[], &[("MESOS_SLAVE_PID", "x")], "Failed to parse value 'x' of 'MESOS_SLAVE_PID'");
        check(&[], &[("MESOS_AGENT_ENDPOINT", "x")], "Failed to parse value 'x' of 'MESOS_AGENT_ENDPOINT'");
        check(
            &[],
            &[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5")],
            "Failed to parse value '5' of 'MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD': Invalid duration '5'",
        );
    }
}
