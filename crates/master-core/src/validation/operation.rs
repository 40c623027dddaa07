//! Offer operations that reserve resources and make volumes of them, one family a file.
//!
//! The resources are in the format with a stack of reservations, and allocated to the offers' role if the framework did
//! not say another.

pub(crate) mod create;
pub(crate) mod create_disk;
pub(crate) mod destroy;
pub(crate) mod destroy_disk;
pub(crate) mod grow_volume;
pub(crate) mod reserve;
pub(crate) mod shrink_volume;
pub(crate) mod unreserve;

use std::collections::BTreeSet;

use tepui_proto::v1;
use tepui_proto::v1::volume::Mode;
use tepui_types::{DisplayResource, Resource, ResourceProviderId, Resources};

use super::resources;

/// One resource as Mesos shows it in its errors: without the number of copies.
fn shown(resource: &Resource) -> String {
    DisplayResource(&resource.to_proto()).to_string()
}

/// Reads resources one by one: what is said of each must not depend on what it combines with.
fn read(protos: &[v1::Resource]) -> Result<Vec<Resource>, String> {
    protos
        .iter()
        .map(|proto| {
            Resource::from_proto(proto)
                .map_err(|error| format!("Resource '{}' is invalid: {error}", DisplayResource(proto)))
        })
        .collect()
}

/// Reads and checks what all kinds of operations ask of a list of resources.
fn read_list(protos: &[v1::Resource]) -> Result<Vec<Resource>, String> {
    let list = read(protos).map_err(|error| format!("Invalid resources: {error}"))?;
    let combined: Resources = list.iter().cloned().collect();
    resources::validate(&combined).map_err(|error| format!("Invalid resources: {error}"))?;
    validate_single_provider(&list).map_err(|error| format!("Invalid resources: {error}"))?;
    Ok(list)
}

/// One operation goes to one place.
fn validate_single_provider(list: &[Resource]) -> Result<(), String> {
    let providers: BTreeSet<Option<&str>> =
        list.iter().map(|resource| resource.provider_id().map(ResourceProviderId::as_str)).collect();
    if providers.len() == 1 {
        return Ok(());
    }
    if providers.contains(&None) {
        return Err("Some resources have a resource provider and some do not".to_owned());
    }
    // Compat: an empty list has no provider, and is said to have several.
    let names: Vec<&str> = providers.into_iter().flatten().collect();
    Err(format!("The resources have multiple resource providers: {}", names.join(", ")))
}

/// All are persistent volumes that can be written to.
fn validate_persistent_volumes(list: &[Resource]) -> Result<(), String> {
    for resource in list {
        let Some(disk) = resource.disk() else {
            return Err(format!("Resource {} does not have DiskInfo", shown(resource)));
        };
        if disk.persistence.is_none() {
            return Err("'persistence' is not set in DiskInfo".to_owned());
        }
        let Some(volume) = &disk.volume else {
            return Err("Expecting 'volume' to be set for persistent volume".to_owned());
        };
        if volume.mode() == Mode::Ro {
            return Err("Read-only persistent volume not supported".to_owned());
        }
    }
    Ok(())
}
