//! UNRESERVE.

use tepui_proto::v1::offer::operation::Unreserve;

use super::{read_list, shown};

/// Checks that these are reservations that a call made, and no volumes.
pub(crate) fn validate(unreserve: &Unreserve) -> Result<(), String> {
    for resource in read_list(&unreserve.resources)? {
        if !resource.is_dynamically_reserved() {
            return Err(format!("Resource {} is not dynamically reserved", shown(&resource)));
        }
        if resource.is_persistent_volume() {
            return Err(format!(
                "A dynamically reserved persistent volume {} cannot be unreserved directly. Please destroy the \
                 persistent volume first then unreserve the resource",
                shown(&resource)
            ));
        }
    }
    Ok(())
}
