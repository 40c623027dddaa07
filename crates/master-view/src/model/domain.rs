//! Where a machine stands.

use tepui_proto::v1;

use tepui_model::json::Object;

/// Writes `domain` if it is known.
pub(crate) fn domain(object: &mut Object<'_>, domain: Option<&v1::DomainInfo>) {
    let Some(domain) = domain else { return };
    object.object("domain", |object| {
        let Some(fault_domain) = &domain.fault_domain else { return };
        object.object("fault_domain", |object| {
            object.object("region", |object| object.field("name", &fault_domain.region.name));
            object.object("zone", |object| object.field("name", &fault_domain.zone.name));
        });
    });
}
