//! `GROW_VOLUME`.

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::operation::GrowVolume;
use tepui_types::{Resources, Scalar};

use super::{read, shown, validate_persistent_volumes};
use crate::agent::Agent;

/// Checks that a volume can grow by this.
pub(crate) fn validate(grow: &GrowVolume, agent: &Agent) -> Result<(), String> {
    let volumes = read(std::slice::from_ref(&grow.volume))
        .map_err(|error| format!("Invalid resource in the 'GrowVolume.volume' field: {error}"))?;
    let addition = read(std::slice::from_ref(&grow.addition))
        .map_err(|error| format!("Invalid resource in the 'GrowVolume.addition' field: {error}"))?;
    let ([volume], [addition]) = (&*volumes, &*addition) else { return Ok(()) };
    if addition.scalar().unwrap_or(Scalar::ZERO) <= Scalar::ZERO {
        return Err("The size of 'GrowVolume.addition' field must be greater than zero".to_owned());
    }
    if volume.provider_id().is_some() {
        return Err("Growing a volume from a resource provider is not supported".to_owned());
    }
    validate_persistent_volumes(&volumes)
        .map_err(|error| format!("Invalid persistent volume in the 'GrowVolume.volume' field: {error}"))?;
    if volume.is_shared() {
        return Err("Growing a shared persistent volume is not supported".to_owned());
    }
    let together = Resources::from_iter([volume.clone().without_volume(), addition.clone()]);
    if together.len() != 1 {
        let message = "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields";
        return Err(message.to_owned());
    }
    if !agent.capabilities.has(AgentCapability::ResizeVolume) {
        return Err(format!(
            "Volume {} cannot be grown on an agent without RESIZE_VOLUME capability",
            shown(volume)
        ));
    }
    Ok(())
}
