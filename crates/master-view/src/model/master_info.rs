//! A master, in short.

use tepui_proto::v1;

use super::domain::domain;
use tepui_model::json::Object;

/// Writes the fields of a master.
pub(crate) fn master_info(object: &mut Object<'_>, info: &v1::MasterInfo) {
    object.field("id", &info.id);
    object.field("pid", info.pid());
    object.field("port", i32::try_from(info.port).unwrap_or(i32::MAX));
    object.field("hostname", info.hostname());
    domain(object, info.domain.as_ref());
}
