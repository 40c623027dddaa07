//! An offer.

use tepui_master_core::OfferEntity;
use tepui_model::json::{Object, Text};
use tepui_model::resources::resources;
use tepui_model::v0_json;
use tepui_proto::v1::resource::AllocationInfo;

/// Writes the fields of an offer.
pub(crate) fn offer(object: &mut Object<'_>, offer: &OfferEntity) {
    object.field("id", Text(&offer.id));
    object.field("framework_id", Text(&offer.framework));
    object.raw("allocation_info", v0_json(&AllocationInfo { role: Some(offer.role.as_ref().to_owned()) }));
    object.field("slave_id", Text(&offer.agent));
    object.object("resources", |object| resources(object, &offer.resources.to_protos()));
}
