//! What a framework may demand of the agents that it is offered.

use tepui_proto::v1;
use tepui_proto::v1::scheduler::OfferConstraints;

use crate::framework::roles;

/// Checks the shape of the constraints.
pub(crate) fn validate(
    constraints: Option<&OfferConstraints>,
    info: &v1::FrameworkInfo,
) -> Result<(), String> {
    let Some(constraints) = constraints else { return Ok(()) };
    let roles = roles(info);
    for (role, constraints) in &constraints.role_constraints {
        if !roles.contains(role) {
            return Err(format!(
                "Offer constraints specify role '{role}' to which the framework is not subscribed"
            ));
        }
        if constraints.groups.is_empty() {
            return Err(format!(
                "'OfferConstraints.role_constraints' for role '{role}' has an empty 'groups' list"
            ));
        }
        if constraints.groups.iter().any(|group| group.attribute_constraints.is_empty()) {
            return Err(format!(
                "'OfferConstraints.role_constraints' for role '{role}' has a group without constraints"
            ));
        }
    }
    Ok(())
}
