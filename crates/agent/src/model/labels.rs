//! Labels: an array of key and value.

use tepui_proto::v1;

use super::v0_json;
use crate::json::Object;

/// Writes `labels` if there are any set.
pub(crate) fn labels(object: &mut Object<'_>, labels: Option<&v1::Labels>) {
    let Some(labels) = labels else { return };
    object.array("labels", |array| {
        for label in &labels.labels {
            array.raw(v0_json(label));
        }
    });
}
