//! `SHRINK_VOLUME`.

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::operation::ShrinkVolume;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_types::Scalar;

use super::{read, shown, validate_persistent_volumes};
use crate::agent::Agent;

/// Checks that a volume can shrink by this.
pub(crate) fn validate(shrink: &ShrinkVolume, agent: &Agent) -> Result<(), String> {
    let volumes = read(std::slice::from_ref(&shrink.volume))
        .map_err(|error| format!("Invalid resource in the 'ShrinkVolume.volume' field: {error}"))?;
    let [volume] = &*volumes else { return Ok(()) };
    let less = Scalar::from(&shrink.subtract);
    if less <= Scalar::ZERO {
        return Err("Value of 'ShrinkVolume.subtract' must be greater than zero".to_owned());
    }
    if volume.scalar().unwrap_or(Scalar::ZERO) <= less {
        let message =
            "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'";
        return Err(message.to_owned());
    }
    if volume.provider_id().is_some() {
        return Err("Shrinking a volume from a resource provider is not supported".to_owned());
    }
    if volume.disk_source_type() == Some(SourceType::Mount) {
        return Err("Shrinking a volume on a MOUNT disk is not supported".to_owned());
    }
    validate_persistent_volumes(&volumes)
        .map_err(|error| format!("Invalid persistent volume in the 'ShrinkVolume.volume' field: {error}"))?;
    if volume.is_shared() {
        return Err("Shrinking a shared persistent volume is not supported".to_owned());
    }
    if !agent.capabilities.has(AgentCapability::ResizeVolume) {
        return Err(format!(
            "Volume {} cannot be shrunk on an agent without RESIZE_VOLUME capability",
            shown(volume)
        ));
    }
    Ok(())
}
