//! What a framework may say of itself, and what it may change.

use std::collections::BTreeSet;

use tepui_proto::v1;
use tepui_types::{DEFAULT_ROLE, format_float_short, validate_id, validate_role};

use crate::config::Config;
use crate::framework::{Capabilities, roles};

/// Checks a description by itself.
pub(crate) fn validate(info: &v1::FrameworkInfo) -> Result<(), String> {
    validate_roles(info)?;
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        validate_id(&id.value).map_err(|error| error.to_string())?;
    }
    info.offer_filters.values().try_for_each(validate_offer_filters)
}

#[expect(deprecated, reason = "frameworks without MULTI_ROLE still set `role`")]
fn validate_roles(info: &v1::FrameworkInfo) -> Result<(), String> {
    if Capabilities::of(info).multi_role {
        if info.role.is_some() {
            return Err(
                "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".to_owned()
            );
        }
        let mut seen = BTreeSet::new();
        let duplicates: BTreeSet<&String> = info.roles.iter().filter(|role| !seen.insert(*role)).collect();
        if !duplicates.is_empty() {
            return Err(format!("'FrameworkInfo.roles' contains duplicate items: {}", braces(&duplicates)));
        }
        return info.roles.iter().try_for_each(|role| {
            validate_role(role)
                .map_err(|error| format!("'FrameworkInfo.roles' contains invalid role: {error}"))
        });
    }
    if !info.roles.is_empty() {
        let message = "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
        return Err(message.to_owned());
    }
    let role = info.role.as_deref().unwrap_or(DEFAULT_ROLE);
    validate_role(role).map_err(|error| format!("'FrameworkInfo.role' is not a valid role: {error}"))
}

fn validate_offer_filters(filters: &v1::OfferFilters) -> Result<(), String> {
    let Some(minimum) = &filters.min_allocatable_resources else { return Ok(()) };
    for set in &minimum.quantities {
        if set.quantities.is_empty() {
            return Err("Resource quantities must contain at least one quantity".to_owned());
        }
        for (name, quantity) in &set.quantities {
            validate_quantity(quantity.value)
                .map_err(|error| format!("Invalid resource quantity for '{name}': {error}"))?;
        }
    }
    Ok(())
}

fn validate_quantity(value: f64) -> Result<(), &'static str> {
    if value.is_nan() {
        Err("NaN not supported")
    } else if value.is_infinite() {
        Err("Infinite values not supported")
    } else if value.is_subnormal() {
        Err("Subnormal values not supported")
    } else if value < 0.0 {
        Err("Negative values not supported")
    } else {
        Ok(())
    }
}

/// Checks a description against the master's settings.
pub(crate) fn validate_settings(
    info: &v1::FrameworkInfo,
    suppressed: &BTreeSet<String>,
    config: &Config,
) -> Result<(), String> {
    let roles = roles(info);
    if let Some(allowed) = &config.roles {
        // Compat: the default role is always allowed.
        let unknown: BTreeSet<&String> =
            roles.iter().filter(|role| *role != DEFAULT_ROLE && !allowed.contains(role)).collect();
        if !unknown.is_empty() {
            return Err(format!("Roles {} are not present in the master's --roles", braces(&unknown)));
        }
    }
    if let Some(role) = suppressed.iter().find(|role| !roles.contains(*role)) {
        return Err(format!("Suppressed role '{role}' is not contained in the list of roles"));
    }
    if info.user == "root" && !config.root_submissions {
        return Err("User 'root' is not allowed to run frameworks without --root_submissions set".to_owned());
    }
    Ok(())
}

/// Checks that the time to come back can be told in nanoseconds.
pub(crate) fn validate_failover_timeout(info: &v1::FrameworkInfo) -> Result<(), String> {
    let seconds = info.failover_timeout.unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "the limit is that coarse in Mesos too")]
    let limit = i64::MAX as f64;
    if seconds.is_nan() || (seconds * 1e9).abs() > limit {
        return Err(format!("The framework failover_timeout ({}) is invalid", format_float_short(seconds)));
    }
    Ok(())
}

/// Keeps what a framework cannot change by subscribing again.
pub(crate) fn preserve_immutable(known: &v1::FrameworkInfo, update: &mut v1::FrameworkInfo) {
    update.user.clone_from(&known.user);
    if known.checkpoint.unwrap_or(false) != update.checkpoint.unwrap_or(false) {
        update.checkpoint = known.checkpoint;
    }
}

/// Checks that a framework changes only what it may.
pub(crate) fn validate_update(known: &v1::FrameworkInfo, update: &v1::FrameworkInfo) -> Result<(), String> {
    if known.principal != update.principal {
        return Err("Changing framework's principal is not allowed.".to_owned());
    }
    if known.user != update.user {
        return Err(format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            known.user, update.user
        ));
    }
    let (old, new) = (known.checkpoint.unwrap_or(false), update.checkpoint.unwrap_or(false));
    if old != new {
        return Err(format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{old}' to '{new}'"
        ));
    }
    Ok(())
}

/// A set as Mesos prints it.
fn braces(items: &BTreeSet<&String>) -> String {
    let items: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
    format!("{{ {} }}", items.join(", "))
}
