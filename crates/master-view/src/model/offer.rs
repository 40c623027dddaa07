//! An offer.

use tepui_proto::v1;

use super::resources::resources;
use super::v0_json;
use crate::json::Object;

/// Writes the fields of an offer.
pub(crate) fn offer(object: &mut Object<'_>, offer: &v1::Offer) {
    object.field("id", &offer.id.value);
    object.field("framework_id", &offer.framework_id.value);
    object.raw("allocation_info", v0_json(&offer.allocation_info.clone().unwrap_or_default()));
    object.field("slave_id", &offer.agent_id.value);
    object.object("resources", |object| resources(object, &offer.resources));
}
