//! Which resources may be used together.

use std::collections::BTreeSet;

use tepui_types::{Resource, Resources};

/// Checks resources by themselves.
pub(crate) fn validate(resources: &Resources) -> Result<(), String> {
    if resources.gpus().is_some_and(|gpus| gpus.thousandths() % 1000 != 0) {
        return Err("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer".to_owned());
    }
    resources.iter().try_for_each(validate_disk).map_err(|error| format!("Invalid DiskInfo: {error}"))?;
    for resource in resources {
        if resource.is_dynamically_reserved() && resource.is_revocable() {
            return Err(format!(
                "Invalid ReservationInfo: Dynamically reserved resource {resource} cannot be created from revocable \
                 resources"
            ));
        }
    }
    Ok(())
}

fn validate_disk(resource: &Resource) -> Result<(), String> {
    let Some(disk) = resource.disk() else { return Ok(()) };
    let Some(persistence) = &disk.persistence else {
        return match (&disk.volume, &disk.source) {
            (Some(_), _) => Err("Non-persistent volume not supported".to_owned()),
            (None, None) => Err("DiskInfo is set but empty".to_owned()),
            (None, Some(_)) => Ok(()),
        };
    };
    if resource.is_revocable() {
        return Err("Persistent volumes cannot be created from revocable resources".to_owned());
    }
    if resource.reservation_role().is_none() {
        return Err("Persistent volumes cannot be created from unreserved resources".to_owned());
    }
    match &disk.volume {
        None => return Err("Expecting 'volume' to be set for persistent volume".to_owned()),
        Some(volume) if volume.host_path.is_some() => {
            return Err("Expecting 'host_path' to be unset for persistent volume".to_owned());
        }
        Some(_) => {}
    }
    tepui_types::validate_id(&persistence.id)
        .map_err(|error| format!("Invalid persistence ID for persistent volume: {error}"))
}

/// A volume is used once.
pub(crate) fn validate_unique_persistence_id(resources: &Resources) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for resource in resources {
        let Some(persistence) = resource.disk().and_then(|disk| disk.persistence.as_ref()) else { continue };
        if !seen.insert((resource.reservation_role().map(str::to_owned), persistence.id.clone())) {
            return Err(format!("Persistence ID '{}' is not unique", persistence.id));
        }
    }
    Ok(())
}

/// What one task uses is allocated to one role.
pub(crate) fn validate_single_role(resources: &Resources) -> Result<(), String> {
    let mut first: Option<&str> = None;
    for resource in resources {
        let Some(role) = resource.allocation_role() else {
            return Err("The resources are not allocated to a role".to_owned());
        };
        match first {
            None => first = Some(role),
            Some(first) if first != role => {
                return Err(format!(
                    "The resources have multiple allocation roles ('{role}' and '{first}') but only one allocation \
                     role is allowed"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What can be taken back does not mix with what cannot.
pub(crate) fn validate_revocable(resources: &Resources) -> Result<(), String> {
    if !resources.iter().any(Resource::is_revocable) {
        return Ok(());
    }
    let names = |revocable: bool| -> BTreeSet<&str> {
        resources.iter().filter(|resource| resource.is_revocable() == revocable).map(Resource::name).collect()
    };
    match names(true).intersection(&names(false)).next() {
        Some(name) => Err(format!("Cannot use both revocable and non-revocable '{name}' at the same time")),
        None => Ok(()),
    }
}
