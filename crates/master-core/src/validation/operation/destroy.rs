//! DESTROY.

use tepui_proto::v1::offer::operation::Destroy;
use tepui_types::{Resource, Resources};

use super::{read_list, validate_persistent_volumes};
use crate::agent::Agent;

/// Checks that these are volumes of the agent, and that no task uses them. `used` is allocated to nobody.
pub(crate) fn validate(destroy: &Destroy, agent: &Agent, used: &Resources) -> Result<(), String> {
    let volumes: Vec<Resource> = destroy_list(destroy)?;
    validate_persistent_volumes(&volumes).map_err(|error| format!("Not a persistent volume: {error}"))?;
    for volume in volumes.iter().filter(|volume| volume.provider_id().is_none()) {
        if !agent.total.contains_resource(volume) {
            return Err("Persistent volumes not found".to_owned());
        }
    }
    if volumes.iter().any(|volume| used.contains_resource(volume)) {
        return Err("Persistent volumes in use".to_owned());
    }
    Ok(())
}

fn destroy_list(destroy: &Destroy) -> Result<Vec<Resource>, String> {
    Ok(read_list(&destroy.volumes)?.into_iter().map(Resource::unallocated).collect())
}
