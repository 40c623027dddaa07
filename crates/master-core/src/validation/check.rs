//! Checks and health checks.

use tepui_proto::v1;
use tepui_proto::v1::{check_info, health_check};

use super::command;

/// Checks a health check.
pub(crate) fn validate_health_check(check: &v1::HealthCheck) -> Result<(), String> {
    let Some(kind) = check.r#type.and_then(|kind| health_check::Type::try_from(kind).ok()) else {
        return Err("HealthCheck must specify 'type'".to_owned());
    };
    match kind {
        health_check::Type::Command => {
            let Some(command) = &check.command else {
                return Err("Expecting 'command' to be set for COMMAND health check".to_owned());
            };
            validate_command(command, "Command health check")?;
            command::validate(command)
                .map_err(|error| format!("Health check's `CommandInfo` is invalid: {error}"))?;
        }
        health_check::Type::Http => {
            let Some(http) = &check.http else {
                return Err("Expecting 'http' to be set for HTTP health check".to_owned());
            };
            if let Some(scheme) = http.scheme.as_deref().filter(|scheme| !matches!(*scheme, "http" | "https"))
            {
                return Err(format!("Unsupported HTTP health check scheme: '{scheme}'"));
            }
            validate_path(http.path.as_deref(), "HTTP health check")?;
        }
        health_check::Type::Tcp if check.tcp.is_none() => {
            return Err("Expecting 'tcp' to be set for TCP health check".to_owned());
        }
        health_check::Type::Tcp => {}
        health_check::Type::Unknown => return Err("'UNKNOWN' is not a valid health check type".to_owned()),
    }
    validate_non_negative("delay_seconds", check.delay_seconds)?;
    validate_non_negative("grace_period_seconds", check.grace_period_seconds)?;
    validate_non_negative("interval_seconds", check.interval_seconds)?;
    validate_non_negative("timeout_seconds", check.timeout_seconds)
}

/// Checks a check.
pub(crate) fn validate_check(check: &v1::CheckInfo) -> Result<(), String> {
    let Some(kind) = check.r#type.and_then(|kind| check_info::Type::try_from(kind).ok()) else {
        return Err("CheckInfo must specify 'type'".to_owned());
    };
    match kind {
        check_info::Type::Command => {
            let Some(command) = check.command.as_ref().map(|command| &command.command) else {
                return Err("Expecting 'command' to be set for COMMAND check".to_owned());
            };
            validate_command(command, "Command check")?;
            command::validate(command)
                .map_err(|error| format!("Check's `CommandInfo` is invalid: {error}"))?;
        }
        check_info::Type::Http => {
            let Some(http) = &check.http else {
                return Err("Expecting 'http' to be set for HTTP check".to_owned());
            };
            validate_path(http.path.as_deref(), "HTTP check")?;
        }
        check_info::Type::Tcp if check.tcp.is_none() => {
            return Err("Expecting 'tcp' to be set for TCP check".to_owned());
        }
        check_info::Type::Tcp => {}
        check_info::Type::Unknown => return Err("'UNKNOWN' is not a valid check type".to_owned()),
    }
    validate_non_negative("delay_seconds", check.delay_seconds)?;
    validate_non_negative("interval_seconds", check.interval_seconds)?;
    validate_non_negative("timeout_seconds", check.timeout_seconds)
}

fn validate_command(command: &v1::CommandInfo, what: &str) -> Result<(), String> {
    if command.value.is_some() {
        return Ok(());
    }
    let wanted = if command.shell.unwrap_or(true) { "'shell command'" } else { "'executable path'" };
    Err(format!("{what} must contain {wanted}"))
}

fn validate_path(path: Option<&str>, what: &str) -> Result<(), String> {
    match path.filter(|path| !path.starts_with('/')) {
        Some(path) => Err(format!("The path '{path}' of {what} must start with '/'")),
        None => Ok(()),
    }
}

fn validate_non_negative(name: &str, seconds: Option<f64>) -> Result<(), String> {
    if seconds.is_some_and(|seconds| seconds < 0.0) {
        return Err(format!("Expecting '{name}' to be non-negative"));
    }
    Ok(())
}
