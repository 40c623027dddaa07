//! An agent.

use std::collections::BTreeMap;

use tepui_proto::v1;

use super::domain::domain;
use crate::agent::Agent;
use tepui_model::attributes::attributes;
use tepui_model::json::{Object, Text};
use tepui_model::resources::resources;
use tepui_model::v0_json;

/// Writes what an agent says of itself.
pub(crate) fn agent_info(object: &mut Object<'_>, info: &v1::AgentInfo) {
    object.field("id", info.id.as_ref().map_or("", |id| &id.value));
    object.field("hostname", &info.hostname);
    object.field("port", info.port());
    object.object("attributes", |object| attributes(object, &info.attributes));
    domain(object, info.domain.as_ref());
}

/// Writes an agent with its sums.
pub(crate) fn agent(object: &mut Object<'_>, agent: &Agent) {
    agent_info(object, &agent.info_without_resources());
    object.field("pid", Text(&agent.pid));
    object.field("registered_time", agent.registered);
    if let Some(reregistered) = agent.reregistered {
        object.field("reregistered_time", reregistered);
    }
    let total = agent.total.to_protos();
    object.object("resources", |object| resources(object, &total));
    object.object("used_resources", |object| resources(object, &agent.used_in_all().to_protos()));
    object.object("offered_resources", |object| resources(object, &agent.offered.to_protos()));
    object.object("reserved_resources", |object| {
        for (role, reserved) in reserved(&total) {
            object.object(role, |object| resources(object, reserved));
        }
    });
    object.object("unreserved_resources", |object| resources(object, unreserved(&total)));
    object.field("active", agent.active);
    object.field("deactivated", agent.deactivated);
    if let Some(drain) = &agent.drain {
        object.raw("drain_info", v0_json(drain));
    }
    if let Some(started) = agent.drain_started {
        object.field("estimated_drain_start_time_seconds", started);
    }
    object.field("version", &*agent.version);
    object.array("capabilities", |array| {
        for capability in &agent.capabilities {
            array.element(capability.as_str_name());
        }
    });
}

/// The reserved resources, by the role of the innermost reservation.
pub(crate) fn reserved(resources: &[v1::Resource]) -> BTreeMap<&str, Vec<&v1::Resource>> {
    let mut reserved: BTreeMap<&str, Vec<&v1::Resource>> = BTreeMap::new();
    for resource in resources {
        if let Some(reservation) = resource.reservations.last() {
            reserved.entry(reservation.role()).or_default().push(resource);
        }
    }
    reserved
}

/// The resources that are for all roles.
pub(crate) fn unreserved(resources: &[v1::Resource]) -> impl Iterator<Item = &v1::Resource> {
    resources.iter().filter(|resource| resource.reservations.is_empty())
}
