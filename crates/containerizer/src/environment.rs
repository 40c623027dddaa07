//! The environment of a container's process.

use std::collections::BTreeMap;
use std::path::Path;

use tepui_proto::v1::environment::variable;
use tepui_proto::v1::{self};

use crate::LaunchError;

/// The search path of a process that nobody gave one.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Merges what the agent gives with what the command asks for; the command wins.
pub(crate) fn merge(
    given: &BTreeMap<String, String>,
    sandbox: &Path,
    command: &v1::CommandInfo,
) -> Result<BTreeMap<String, String>, LaunchError> {
    let mut merged = given.clone();
    if !merged.contains_key("MESOS_SANDBOX") {
        merged.insert("MESOS_SANDBOX".to_owned(), crate::launch::text(sandbox)?);
    }
    for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
        let value = match variable.r#type() {
            variable::Type::Secret => secret(variable)?,
            variable::Type::Value | variable::Type::Unknown => variable.value.clone().unwrap_or_default(),
        };
        merged.insert(variable.name.clone(), value);
    }
    merged.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
    Ok(merged)
}

/// What a secret variable is set to.
fn secret(variable: &v1::environment::Variable) -> Result<String, LaunchError> {
    let secret = variable.secret.as_ref().ok_or_else(|| "Secret has no value".to_owned());
    let data = secret
        .and_then(resolve)
        .map_err(|why| LaunchError::Secret { variable: variable.name.clone(), why })?;
    String::from_utf8(data).map_err(|_| LaunchError::SecretNotText { variable: variable.name.clone() })
}

/// What a secret is, as Mesos' default resolver says: those that are named and not given would need a module.
pub(crate) fn resolve(secret: &v1::Secret) -> Result<Vec<u8>, String> {
    if secret.reference.is_some() {
        return Err("Default secret resolver cannot resolve references".to_owned());
    }
    secret.value.as_ref().map(|value| value.data.clone()).ok_or_else(|| "Secret has no value".to_owned())
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
    fn a_secret_that_is_given_is_set() {
        let value = v1::secret::Value { data: b"hunter2".to_vec() };
        let secret =
            v1::Secret { r#type: Some(v1::secret::Type::Value.into()), value: Some(value), reference: None };
        let variable = v1::environment::Variable {
            name: "TOKEN".to_owned(),
            r#type: Some(variable::Type::Secret.into()),
            secret: Some(secret),
            value: None,
        };
        let merged = merge(&BTreeMap::new(), Path::new("/"), &command(vec![variable])).unwrap();
        assert_eq!(merged["TOKEN"], "hunter2");
    }

    #[test]
    fn a_secret_that_is_named_is_refused() {
        let reference = v1::secret::Reference { name: "n".to_owned(), key: None };
        let secret = v1::Secret {
            r#type: Some(v1::secret::Type::Reference.into()),
            reference: Some(reference),
            value: None,
        };
        let variable = v1::environment::Variable {
            r#type: Some(variable::Type::Secret.into()),
            secret: Some(secret),
            ..variable("TOKEN", "")
        };
        let error = merge(&BTreeMap::new(), Path::new("/"), &command(vec![variable])).unwrap_err();
        let expected = "failed to resolve environment variable `TOKEN`: Default secret resolver cannot resolve references";
        assert_eq!(error.to_string(), expected);
    }
}
