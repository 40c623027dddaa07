//! `DESTROY_DISK`.

use tepui_proto::v1::offer::operation::DestroyDisk;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_types::Resources;

use super::{read, shown};
use crate::validation::resources;

/// Checks that the source is a disk that a resource provider made.
pub(crate) fn validate(destroy: &DestroyDisk) -> Result<(), String> {
    let source = read(std::slice::from_ref(&destroy.source))
        .map_err(|error| format!("Invalid resource: Invalid resources: {error}"))?;
    let combined: Resources = source.iter().cloned().collect();
    resources::validate(&combined).map_err(|error| format!("Invalid resource: {error}"))?;
    let [source] = &*source else { return Ok(()) };
    if source.provider_id().is_none() {
        return Err("'source' is not managed by a resource provider".to_owned());
    }
    let kind = source.disk_source_type();
    if !matches!(kind, Some(SourceType::Mount | SourceType::Block | SourceType::Raw)) {
        return Err("'source' is neither a MOUNT, BLOCK or RAW disk resource".to_owned());
    }
    if source.disk().and_then(|disk| disk.source.as_ref()?.id.as_ref()).is_none() {
        return Err("'source' is not backed by a CSI volume".to_owned());
    }
    if source.is_persistent_volume() {
        return Err(format!(
            "A disk resource containing a persistent volume {} cannot be destroyed directly. Please destroy the \
             persistent volume first then destroy the disk resource",
            shown(source)
        ));
    }
    Ok(())
}
