//! `CREATE_DISK`.

use tepui_proto::v1::offer::operation::CreateDisk;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_types::Resources;

use super::read;
use crate::validation::resources;

/// Checks that a resource provider can make such a disk of the source.
pub(crate) fn validate(create: &CreateDisk) -> Result<(), String> {
    let source = read(std::slice::from_ref(&create.source))
        .map_err(|error| format!("Invalid resource: Invalid resources: {error}"))?;
    let combined: Resources = source.iter().cloned().collect();
    resources::validate(&combined).map_err(|error| format!("Invalid resource: {error}"))?;
    let [source] = &*source else { return Ok(()) };
    if source.provider_id().is_none() {
        return Err("'source' is not managed by a resource provider".to_owned());
    }
    if source.disk_source_type() != Some(SourceType::Raw) {
        return Err("'source' is not a RAW disk resource".to_owned());
    }
    if !matches!(create.target_type(), SourceType::Mount | SourceType::Block) {
        return Err("'target_type' is neither MOUNT or BLOCK".to_owned());
    }
    let profile = source.disk().and_then(|disk| disk.source.as_ref()?.profile.as_ref());
    match (profile, &create.target_profile) {
        (Some(_), Some(_)) => Err("'target_profile' must not be set when 'source' has a profile".to_owned()),
        (None, None) => Err("'target_profile' must be set when 'source' has no profile".to_owned()),
        (Some(_), None) | (None, Some(_)) => Ok(()),
    }
}
