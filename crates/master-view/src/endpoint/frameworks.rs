//! `/frameworks`.

use crate::model::framework::framework;
use crate::view::View;
use tepui_model::json::{Object, Parts, document};

impl View {
    /// Renders `/frameworks`, of one framework if it is named; gives what `parts` did not take.
    pub fn frameworks(&self, only: Option<&str>, parts: &mut Parts<'_>) -> Vec<u8> {
        document(|object| {
            write_frameworks(object, self, only, parts);
            // Compat: empty for years, and readers still look for it.
            object.array("unregistered_frameworks", |_| {});
        })
    }
}

/// Writes `frameworks` and `completed_frameworks`.
pub(super) fn write_frameworks(
    object: &mut Object<'_>,
    view: &View,
    only: Option<&str>,
    parts: &mut Parts<'_>,
) {
    object.array("frameworks", |array| {
        for (id, shown) in &view.frameworks {
            if only.is_none_or(|only| only == id.as_str()) {
                array.object(|object| framework(object, shown, parts));
                array.pass_on(parts);
            }
        }
    });
    object.array("completed_frameworks", |array| {
        for shown in &view.completed_frameworks {
            if only.is_none_or(|only| only == shown.id().as_str()) {
                array.object(|object| framework(object, shown, parts));
                array.pass_on(parts);
            }
        }
    });
}
