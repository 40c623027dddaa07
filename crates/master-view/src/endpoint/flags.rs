//! `/flags`.

use crate::view::View;
use tepui_model::json::{Object, document};

impl View {
    /// Renders `/flags`.
    pub fn flags(&self) -> Vec<u8> {
        document(|object| write_flags(object, self))
    }
}

/// Writes `flags`, which `/state` has too.
pub(super) fn write_flags(object: &mut Object<'_>, view: &View) {
    object.object("flags", |object| {
        for (name, value) in &view.settings.flags {
            object.field(name, value);
        }
    });
}
