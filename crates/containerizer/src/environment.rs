//! The environment of a container's process.

use std::collections::BTreeMap;
use std::path::Path;

use tepui_proto::v1::environment::variable;
use tepui_proto::v1::{self};

use crate::LaunchError;

/// The search path of a process that nobody gave one.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Merges what the agent gives with what the command asks for; the command wins.
pub(crate) fn merge(
    given: &BTreeMap<String, String>,
    sandbox: &Path,
    command: &v1::CommandInfo,
) -> Result<BTreeMap<String, String>, LaunchError> {
    let mut merged = given.clone();
    merged.insert("MESOS_SANDBOX".to_owned(), crate::launch::text(sandbox)?);
    for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
        if variable.r#type() == variable::Type::Secret {
            return Err(LaunchError::SecretUnsupported { variable: variable.name.clone() });
        }
        merged.insert(variable.name.clone(), variable.value.clone().unwrap_or_default());
    }
    merged.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> v1::environment::Variable {
        v1::environment::Variable { name: name.into(), value: Some(value.into()), ..Default::default() }
    }

    fn command(variables: Vec<v1::environment::Variable>) -> v1::CommandInfo {
        v1::CommandInfo { environment: Some(v1::Environment { variables }), ..Default::default() }
    }

    #[test]
    fn the_command_wins_over_the_agent() {
        let given =
            BTreeMap::from([("A".to_owned(), "agent".to_owned()), ("B".to_owned(), "agent".to_owned())]);
        let merged = merge(&given, Path::new("/sandbox"), &command(vec![variable("B", "command")])).unwrap();
        let shown: Vec<_> = merged.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            shown,
            [("A", "agent"), ("B", "command"), ("MESOS_SANDBOX", "/sandbox"), ("PATH", DEFAULT_PATH)]
        );
    }

    #[test]
    fn a_secret_is_refused_by_name() {
        let secret = v1::environment::Variable {
            r#type: Some(variable::Type::Secret.into()),
            ..variable("TOKEN", "")
        };
        let error = merge(&BTreeMap::new(), Path::new("/"), &command(vec![secret])).unwrap_err();
        assert!(error.to_string().contains("`TOKEN`"), "{error}");
    }
}
