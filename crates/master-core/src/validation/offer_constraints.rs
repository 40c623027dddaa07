//! What a framework may demand of the agents that it is offered.

use std::collections::BTreeMap;

use tepui_allocator::{AttributeConstraint, Pattern, PatternLimits, Predicate, RoleConstraints, Selector};
use tepui_proto::v1::scheduler;
use tepui_proto::v1::scheduler::attribute_constraint::predicate::Predicate as ProtoPredicate;
use tepui_proto::v1::scheduler::attribute_constraint::selector::{
    PseudoattributeType, Selector as ProtoSelector,
};
use tepui_proto::v1::scheduler::attribute_constraint::{
    Predicate as PredicateMessage, Selector as SelectorMessage,
};
use tepui_proto::v1::scheduler::offer_constraints::role_constraints::Group;

/// Reads the constraints. Roles that the framework is not subscribed to may be named, as in Mesos.
pub(crate) fn read(
    constraints: Option<&scheduler::OfferConstraints>,
    limits: PatternLimits,
) -> Result<BTreeMap<String, RoleConstraints>, String> {
    let Some(constraints) = constraints else { return Ok(BTreeMap::new()) };
    let mut read = BTreeMap::new();
    for (role, constraints) in &constraints.role_constraints {
        if constraints.groups.is_empty() {
            return Err(format!(
                "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {role}"
            ));
        }
        let groups = constraints.groups.iter().map(|group| read_group(role, group, limits));
        read.insert(role.clone(), RoleConstraints { groups: groups.collect::<Result<_, _>>()? });
    }
    Ok(read)
}

fn read_group(role: &str, group: &Group, limits: PatternLimits) -> Result<Vec<AttributeConstraint>, String> {
    if group.attribute_constraints.is_empty() {
        // Compat: Mesos forgets the space as well.
        return Err(format!(
            "'OfferConstraints::RoleConstraints::groups' for role {role}contains an empty RoleConstraints::Group"
        ));
    }
    let constraints = group.attribute_constraints.iter().map(|constraint| {
        read_constraint(constraint, limits)
            .map_err(|error| format!("A role {role} has an invalid 'AttributeConstraint': {error}"))
    });
    constraints.collect()
}

fn read_constraint(
    constraint: &scheduler::AttributeConstraint,
    limits: PatternLimits,
) -> Result<AttributeConstraint, String> {
    Ok(AttributeConstraint {
        selector: read_selector(&constraint.selector)?,
        predicate: read_predicate(&constraint.predicate, limits)?,
    })
}

fn read_selector(selector: &SelectorMessage) -> Result<Selector, String> {
    match &selector.selector {
        None => Err("Exactly one of 'AttributeConstraint::Selector::name' or \
                     'AttributeConstraint::Selector::pseudoattribute_type' must be set"
            .to_owned()),
        Some(ProtoSelector::AttributeName(name)) => Ok(Selector::Attribute(name.clone())),
        Some(ProtoSelector::PseudoattributeType(kind)) => match PseudoattributeType::try_from(*kind) {
            Ok(PseudoattributeType::Hostname) => Ok(Selector::Hostname),
            Ok(PseudoattributeType::Region) => Ok(Selector::Region),
            Ok(PseudoattributeType::Zone) => Ok(Selector::Zone),
            Ok(PseudoattributeType::Unknown) | Err(_) => Err("Unknown pseudoattribute type".to_owned()),
        },
    }
}

fn read_predicate(predicate: &PredicateMessage, limits: PatternLimits) -> Result<Predicate, String> {
    let pattern = |text: &str| Pattern::new(text, limits).map_err(|error| error.to_string());
    Ok(match predicate.predicate.as_ref().ok_or("Unknown predicate type")? {
        ProtoPredicate::Exists(_) => Predicate::Exists,
        ProtoPredicate::NotExists(_) => Predicate::NotExists,
        ProtoPredicate::TextEquals(text) => Predicate::TextEquals(text.value.clone()),
        ProtoPredicate::TextNotEquals(text) => Predicate::TextNotEquals(text.value.clone()),
        ProtoPredicate::TextMatches(text) => Predicate::TextMatches(pattern(&text.regex)?),
        ProtoPredicate::TextNotMatches(text) => Predicate::TextNotMatches(pattern(&text.regex)?),
    })
}
