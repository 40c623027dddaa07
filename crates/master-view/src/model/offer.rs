//! An offer.

use tepui_proto::v1;

use tepui_model::json::Object;
use tepui_model::resources::resources;
use tepui_model::v0_json;

/// Writes the fields of an offer.
pub(crate) fn offer(object: &mut Object<'_>, offer: &v1::Offer) {
    object.field("id", &offer.id.value);
    object.field("framework_id", &offer.framework_id.value);
    object.raw("allocation_info", v0_json(&offer.allocation_info.clone().unwrap_or_default()));
    object.field("slave_id", &offer.agent_id.value);
    object.object("resources", |object| resources(object, &offer.resources));
}
