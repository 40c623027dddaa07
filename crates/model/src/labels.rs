//! Labels: an array of key and value.

use tepui_proto::v1;

use crate::json::Object;
use crate::v0_json;

/// Writes `labels` if there are any set.
pub fn labels(object: &mut Object<'_>, labels: Option<&v1::Labels>) {
    let Some(labels) = labels else { return };
    object.array("labels", |array| {
        for label in &labels.labels {
            array.raw(v0_json(label));
        }
    });
}
