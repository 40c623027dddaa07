//! CREATE by a framework.

use std::collections::BTreeSet;

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::operation::Create;
use tepui_types::{Resource, Resources};

use super::{read_list, shown, validate_persistent_volumes};
use crate::agent::Agent;
use crate::framework::Framework;
use crate::validation::resources;

/// Checks that a framework may make these volumes on this agent.
pub(crate) fn validate(create: &Create, framework: &Framework, agent: &Agent) -> Result<(), String> {
    let volumes = read_list(&create.volumes)?;
    validate_persistent_volumes(&volumes).map_err(|error| format!("Not a persistent volume: {error}"))?;
    if let Some(nothing) = volumes.iter().find(|volume| volume.is_empty()) {
        return Err(format!("Persistent volume {} has no size", shown(nothing)));
    }
    validate_new(&volumes, &agent.total)?;
    for volume in &volumes {
        if volume.is_shared() && !framework.capabilities.shared_resources {
            return Err(format!(
                "Create volume operation for '{}' has been attempted by framework '{}' with no SHARED_RESOURCES \
                 capability",
                shown(volume),
                framework.id
            ));
        }
        validate_agent(volume, agent)?;
        if let Some(principal) = &framework.info.principal {
            validate_principal(volume, principal)?;
        }
    }
    let combined: Resources = volumes.into_iter().collect();
    resources::validate_single_role(&combined).map_err(|error| format!("Invalid volume resources: {error}"))
}

/// A role has no two volumes of one id on one agent.
fn validate_new(volumes: &[Resource], total: &Resources) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let existing = total.iter().filter(|resource| resource.needs_checkpointing());
    for volume in existing.chain(volumes) {
        let Some(id) = volume.persistence_id() else { continue };
        if !seen.insert((volume.reservation_role(), id)) {
            return Err(format!("Persistence ID '{id}' is not unique"));
        }
    }
    Ok(())
}

fn validate_agent(volume: &Resource, agent: &Agent) -> Result<(), String> {
    let role = volume.reservation_role().unwrap_or_default();
    if role.contains('/') && !agent.capabilities.has(AgentCapability::HierarchicalRole) {
        return Err(format!(
            "Volume {} with reservation for hierarchical role '{role}' cannot be created on an agent without \
             HIERARCHICAL_ROLE capability",
            shown(volume)
        ));
    }
    if volume.has_refined_reservations() && !agent.capabilities.has(AgentCapability::ReservationRefinement) {
        return Err(format!(
            "Volume {} with reservation refinement cannot be created on an agent without RESERVATION_REFINEMENT \
             capability",
            shown(volume)
        ));
    }
    Ok(())
}

/// A framework with a principal makes volumes in that name.
fn validate_principal(volume: &Resource, principal: &str) -> Result<(), String> {
    let persistence = volume.disk().and_then(|disk| disk.persistence.as_ref());
    match persistence.and_then(|persistence| persistence.principal.as_deref()) {
        None => Err(format!(
            "Create volume operation attempted by principal '{principal}', but there is a volume in the operation with \
             no principal set in 'disk.persistence'"
        )),
        Some(creator) if creator != principal => Err(format!(
            "Create volume operation attempted by authenticated principal '{principal}', which does not match a volume \
             in the operation with principal '{creator}' set in 'disk.persistence'"
        )),
        Some(_) => Ok(()),
    }
}
