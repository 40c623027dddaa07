//! RESERVE by a framework.

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::operation::Reserve;
use tepui_types::{Resource, Resources};

use super::{read_list, shown};
use crate::agent::Agent;
use crate::framework::Framework;
use crate::validation::resources;

/// Checks that a framework may make these reservations on this agent.
pub(crate) fn validate(reserve: &Reserve, framework: &Framework, agent: &Agent) -> Result<(), String> {
    let list = read_list(&reserve.resources)?;
    for resource in &list {
        validate_agent(resource, agent)?;
        if let Some(principal) = &framework.info.principal {
            validate_principal(resource, principal)?;
        }
        validate_role(resource, framework)?;
    }
    let combined: Resources = list.into_iter().collect();
    resources::validate_single_role(&combined)
        .map_err(|error| format!("Invalid reservation resources: {error}"))
}

fn validate_agent(resource: &Resource, agent: &Agent) -> Result<(), String> {
    if !resource.is_dynamically_reserved() {
        return Err(format!("Resource {} is not dynamically reserved", shown(resource)));
    }
    let role = resource.reservation_role().unwrap_or_default();
    if role.contains('/') && !agent.capabilities.has(AgentCapability::HierarchicalRole) {
        return Err(format!(
            "Resource {} with reservation for hierarchical role '{role}' cannot be reserved on an agent without \
             HIERARCHICAL_ROLE capability",
            shown(resource)
        ));
    }
    if resource.has_refined_reservations() && !agent.capabilities.has(AgentCapability::ReservationRefinement)
    {
        return Err(format!(
            "Resource {} with reservation refinement cannot be reserved on an agent without RESERVATION_REFINEMENT \
             capability",
            shown(resource)
        ));
    }
    Ok(())
}

/// A framework with a principal reserves in that name.
fn validate_principal(resource: &Resource, principal: &str) -> Result<(), String> {
    let last = resource.reservations().last();
    match last.and_then(|reservation| reservation.principal.as_deref()) {
        None => Err(format!(
            "A reserve operation was attempted by principal '{principal}', but there is a reserved resource in the \
             request with no principal set"
        )),
        Some(reserver) if reserver != principal => Err(format!(
            "A reserve operation was attempted by authenticated principal '{principal}', which does not match a \
             reserved resource in the request with principal '{reserver}'"
        )),
        Some(_) => Ok(()),
    }
}

/// A framework reserves for the role that it was offered the resources in.
fn validate_role(resource: &Resource, framework: &Framework) -> Result<(), String> {
    let Some(allocated) = resource.allocation_role() else {
        return Err(format!(
            "A reserve operation was attempted on unallocated resource {}, but frameworks can only perform \
             reservations on allocated resources",
            shown(resource)
        ));
    };
    let reserved = resource.reservation_role().unwrap_or_default();
    if allocated != reserved {
        return Err(format!(
            "A reserve operation was attempted for a resource with role '{reserved}', but the resource was allocated to \
             role '{allocated}'"
        ));
    }
    if !framework.roles.contains(allocated) {
        let roles: Vec<&str> = framework.roles.iter().map(String::as_str).collect();
        return Err(format!(
            "A reserve operation was attempted for a resource allocated to role '{allocated}', but the framework only \
             has roles '{{ {} }}'",
            roles.join(", ")
        ));
    }
    Ok(())
}
