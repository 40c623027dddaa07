//! The agent's few questions about resources. What cannot be parsed is passed along as it came: the master checked it.

use tepui_proto::v1;
use tepui_types::{Resource, Resources};

/// Both together.
pub(crate) fn sum(left: &[v1::Resource], right: &[v1::Resource]) -> Vec<v1::Resource> {
    match (Resources::from_protos(left), Resources::from_protos(right)) {
        (Ok(mut sum), Ok(right)) => {
            sum += &right;
            sum.to_protos()
        }
        _ => left.iter().chain(right).cloned().collect(),
    }
}

/// How much there is of a resource that is a number.
pub(crate) fn scalar(resources: &[v1::Resource], name: &str) -> f64 {
    let named = resources.iter().filter(|resource| resource.name == name);
    named.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum()
}

/// As older masters want to read them.
pub(crate) fn pre_refinement(resources: &[v1::Resource]) -> Vec<v1::Resource> {
    Resources::from_protos(resources)
        .map_or_else(|_| resources.to_vec(), |parsed| parsed.to_protos_pre_refinement())
}

/// All resources: those that we were started with, with reservations and volumes in their place.
pub(crate) fn total(own: &[v1::Resource], checkpointed: &[v1::Resource]) -> Result<Resources, String> {
    let mut total = Resources::from_protos(own).map_err(|error| error.to_string())?;
    for resource in &Resources::from_protos(checkpointed).map_err(|error| error.to_string())? {
        let plain = resource.without_checkpoint();
        if !resource.needs_checkpointing() || !total.contains_resource(&plain) {
            return Err(format!("Incompatible agent resources: {total} does not contain {plain}"));
        }
        total -= &plain;
        total += resource.clone();
    }
    Ok(total)
}

/// Tells whether all dynamic reservations and volumes among `used` are among `known`.
pub(crate) fn knows_checkpointed(known: &[v1::Resource], used: &[v1::Resource]) -> bool {
    let needed = |resource: &&Resource| resource.needs_checkpointing();
    let (Ok(known), Ok(mut used)) = (Resources::from_protos(known), Resources::from_protos(used)) else {
        return false;
    };
    used.unallocate();
    used.iter().filter(needed).all(|resource| known.contains_resource(resource))
}
