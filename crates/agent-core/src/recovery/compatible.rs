//! Which changes of its own description an agent may come back with.

use tepui_proto::v1;
use tepui_types::{Resource, Resources};

/// Nothing may have changed.
pub(super) fn equal(recorded: &v1::AgentInfo, now: &v1::AgentInfo) -> Result<(), String> {
    let same = |left: &[v1::Resource], right: &[v1::Resource]| matches!((Resources::from_protos(left), Resources::from_protos(right)), (Ok(left), Ok(right)) if left == right);
    let what = if recorded.hostname != now.hostname {
        format!("hostname was {} and is {}", recorded.hostname, now.hostname)
    } else if recorded.port() != now.port() {
        format!("port was {} and is {}", recorded.port(), now.port())
    } else if recorded.domain != now.domain {
        format!("domain was {:?} and is {:?}", recorded.domain, now.domain)
    } else if !same(&recorded.resources, &now.resources) {
        format!("resources were {} and are {}", shown(&recorded.resources), shown(&now.resources))
    } else if sorted(&recorded.attributes) != sorted(&now.attributes) {
        let (was, is) = (attributes(&recorded.attributes), attributes(&now.attributes));
        format!("attributes were {was} and are {is}")
    } else {
        return Ok(());
    };
    Err(format!("Incompatible agent info detected: {what}"))
}

/// Resources and attributes may have been added.
pub(super) fn additive(recorded: &v1::AgentInfo, now: &v1::AgentInfo) -> Result<(), String> {
    let refused =
        |what: String| Err(format!("Configuration change not permitted under `additive` policy: {what}"));
    if recorded.hostname != now.hostname {
        return refused(format!("Hostname changed from {} to {}", recorded.hostname, now.hostname));
    }
    if recorded.port() != now.port() {
        return refused(format!("Port changed from {} to {}", recorded.port(), now.port()));
    }
    if recorded.domain.is_some() && recorded.domain != now.domain {
        return refused(format!("Domain changed from {:?} to {:?}", recorded.domain, now.domain));
    }
    let parsed = (Resources::from_protos(&recorded.resources), Resources::from_protos(&now.resources));
    let (Ok(was), Ok(is)) = parsed else { return refused("Resources cannot be read".to_owned()) };
    if let Some(missing) = was.iter().find(|resource| !holds(&is, resource)) {
        return refused(format!("Resource {missing} is not included in current {is}"));
    }
    for attribute in &recorded.attributes {
        match now.attributes.iter().find(|found| found.name == attribute.name) {
            None => return refused(format!("Couldn't find attribute {}", attribute.name)),
            Some(found) if !extends(attribute, found) => {
                return refused(format!("Attribute '{}' changed", attribute.name));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn holds(all: &Resources, resource: &Resource) -> bool {
    all.contains_resource(resource)
}

/// Tells whether an attribute is what it was; ranges may have grown.
fn extends(was: &v1::Attribute, is: &v1::Attribute) -> bool {
    if was.r#type != is.r#type {
        return false;
    }
    let (Some(was_ranges), Some(is_ranges)) = (&was.ranges, &is.ranges) else { return was == is };
    let within = |range: &v1::value::Range| {
        is_ranges.range.iter().any(|outer| outer.begin <= range.begin && range.end <= outer.end)
    };
    was_ranges.range.iter().all(within)
}

fn sorted(attributes: &[v1::Attribute]) -> Vec<String> {
    let mut shown: Vec<String> = attributes.iter().map(attribute).collect();
    shown.sort();
    shown
}

fn attributes(protos: &[v1::Attribute]) -> String {
    sorted(protos).join("; ")
}

fn attribute(proto: &v1::Attribute) -> String {
    let text = proto.text.as_ref().map(|text| text.value.clone());
    let scalar = || proto.scalar.as_ref().map(|scalar| scalar.value.to_string());
    let ranges = || {
        let ranges = proto.ranges.as_ref()?.range.iter();
        Some(ranges.map(|range| format!("{}-{}", range.begin, range.end)).collect::<Vec<_>>().join(","))
    };
    format!("{}:{}", proto.name, text.or_else(scalar).or_else(ranges).unwrap_or_default())
}

fn shown(protos: &[v1::Resource]) -> String {
    Resources::from_protos(protos).map_or_else(|_| format!("{protos:?}"), |resources| resources.to_string())
}
