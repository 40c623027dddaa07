//! Commands and their environments.

use tepui_proto::v1;
use tepui_proto::v1::environment::Variable;
use tepui_proto::v1::environment::variable::Type;
use tepui_proto::v1::secret;

/// Checks a command.
pub(crate) fn validate(command: &v1::CommandInfo) -> Result<(), String> {
    command.environment.iter().flat_map(|environment| &environment.variables).try_for_each(validate_variable)
}

fn validate_variable(variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    match variable.r#type() {
        Type::Unknown => Err("Environment variable of type 'UNKNOWN' is not allowed".to_owned()),
        Type::Value if variable.value.is_none() => {
            Err(format!("Environment variable '{name}' of type 'VALUE' must have a value set"))
        }
        Type::Value if variable.secret.is_some() => {
            Err(format!("Environment variable '{name}' of type 'VALUE' must not have a secret set"))
        }
        Type::Value => Ok(()),
        Type::Secret => {
            let Some(secret) = &variable.secret else {
                return Err(format!("Environment variable '{name}' of type 'SECRET' must have a secret set"));
            };
            if variable.value.is_some() {
                return Err(format!(
                    "Environment variable '{name}' of type 'SECRET' must not have a value set"
                ));
            }
            validate_secret(secret).map_err(|error| {
                format!("Environment variable '{name}' specifies an invalid secret: {error}")
            })?;
            if secret.value.as_ref().is_some_and(|value| value.data.contains(&0)) {
                return Err(format!(
                    "Environment variable '{name}' specifies a secret containing null bytes, which is not allowed in \
                     the environment"
                ));
            }
            Ok(())
        }
    }
}

fn validate_secret(secret: &v1::Secret) -> Result<(), String> {
    match (secret.r#type(), &secret.reference, &secret.value) {
        (secret::Type::Reference, None, _) => {
            Err("Secret of type REFERENCE must have the 'reference' field set".to_owned())
        }
        (secret::Type::Reference, Some(reference), Some(_)) => {
            Err(format!("Secret '{}' of type REFERENCE must not have the 'value' field set", reference.name))
        }
        (secret::Type::Value, _, None) => {
            Err("Secret of type VALUE must have the 'value' field set".to_owned())
        }
        (secret::Type::Value, Some(_), Some(_)) => {
            Err("Secret of type VALUE must not have the 'reference' field set".to_owned())
        }
        (secret::Type::Reference, Some(_), None)
        | (secret::Type::Value, None, Some(_))
        | (secret::Type::Unknown, _, _) => Ok(()),
    }
}
